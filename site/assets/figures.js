// Draws each figure of the page from its data when it is scrolled to, in the colours of the palette.
// plotly.js comes from this site, named by this script's data-plotly, and loads with the first figure.
(() => {
  "use strict";
  const address = new URL(document.currentScript.dataset.plotly, document.baseURI);
  const plots = new Map(); // element -> its figure
  const drawn = new Set();
  let library;

  const load = () =>
    (library ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    }));

  // The stylesheet gives a figure the palette's text and line colours; plotly wants them resolved.
  const themed = (element, layout) => {
    const style = getComputedStyle(element);
    const axis = { gridcolor: style.borderTopColor, zerolinecolor: style.borderTopColor };
    const axes = Object.entries(layout).filter(([name]) => /^[xy]axis\d*$/.test(name));
    return {
      ...layout,
      // a bar's row needs no line across it: a y axis has a grid only where the figure asks for one
      ...Object.fromEntries(
        axes.map(([name, own]) => [name, { showgrid: name[0] === "x", ...own, ...axis }]),
      ),
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: style.color, family: style.fontFamily, size: 13 },
      hoverlabel: { font: { family: style.fontFamily } },
    };
  };

  const draw = async (element) => {
    const { data, layout } = plots.get(element);
    try {
      await load();
      // Plotly writes into its layout: give it a copy, so that the next palette starts clean.
      const copy = structuredClone({ data, layout: themed(element, layout) });
      await Plotly.react(element, copy.data, copy.layout, { displayModeBar: false, responsive: true });
      drawn.add(element);
    } catch (error) {
      element.textContent = "The figure could not be drawn; the table holds the same numbers.";
      element.style.minHeight = "0";
    }
  };

  const seen = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) {
          seen.unobserve(target);
          draw(target);
        }
      }
    },
    { rootMargin: "200px" },
  );

  for (const element of document.querySelectorAll(".ka-plot")) {
    const figure = JSON.parse(element.querySelector("script").textContent);
    plots.set(element, figure);
    element.replaceChildren();
    element.style.minHeight = `${figure.layout.height}px`; // the page does not jump when it is drawn
    seen.observe(element);
  }

  new MutationObserver(() => drawn.forEach(draw)).observe(document.body, {
    attributeFilter: ["data-md-color-scheme"],
  });
})();
