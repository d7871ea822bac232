// Draws each figure of the page from its data when it is scrolled to, in the colours of the palette.
// plotly.js comes from this site, named by this script's data-plotly, and loads with the first figure.
// Until then, and where it cannot load, the still picture stands that was made with the page.
(() => {
  "use strict";
  const TITLE = 30; // pixels of the layout's top margin; the page shows the title above the picture
  const address = new URL(document.currentScript.dataset.plotly, document.baseURI);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const plots = new Map(); // element -> its figure
  const drawn = new Set();
  let library;

  const load = () =>
    (library ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = resolve;
      script.onerror = (error) => {
        library = undefined; // the next figure tries again
        reject(error);
      };
      document.head.append(script);
    }));

  const NARROW = 480; // pixels of a plot, below which panels are stacked and names go into a legend
  const GAP = 70; // pixels between stacked panels: the axis of one and the name of the next
  const ENDS = "end"; // the name of annotations at the ends of lines

  // Panels in one column; each is as high as the figure's rows were.
  const stacked = (layout) => {
    const suffixes = Object.keys(layout)
      .filter((name) => /^xaxis\d*$/.test(name) && layout[name].domain)
      .map((name) => name.slice(5))
      .sort((a, b) => (Number(a) || 1) - (Number(b) || 1));
    if (suffixes.length < 2) return layout;
    const { t, b } = layout.margin;
    const first = layout.yaxis?.domain ?? [0, 1];
    const panel = (layout.height - t - b) * (first[1] - first[0]);
    const inner = suffixes.length * panel + (suffixes.length - 1) * GAP;
    const top = (at) => 1 - (at * (panel + GAP)) / inner;
    const changes = {};
    suffixes.forEach((suffix, at) => {
      changes[`xaxis${suffix}`] = { ...layout[`xaxis${suffix}`], domain: [0, 1] };
      const domain = [Math.max(0, top(at) - panel / inner), top(at)];
      changes[`yaxis${suffix}`] = { ...layout[`yaxis${suffix}`], domain };
    });
    const names = (layout.annotations ?? []).filter((note) => note.xref === "paper");
    const annotations = (layout.annotations ?? []).map((note) =>
      names.includes(note) ? { ...note, x: 0, y: top(names.indexOf(note)) } : note,
    );
    return { ...layout, ...changes, annotations, height: inner + t + b };
  };

  // Where there is no room right of the lines for their names, a legend above holds them.
  const named = (layout, data) => {
    const annotations = (layout.annotations ?? []).filter((note) => note.name !== ENDS);
    if (annotations.length === (layout.annotations ?? []).length) return layout;
    const entries = new Set(data.filter((t) => t.showlegend !== false && t.name).map((t) => t.name));
    const legend = { orientation: "h", x: 0, y: 1, yanchor: "bottom", font: { size: 11 } };
    const margin = { ...layout.margin, t: layout.margin.t + 22 * entries.size + 10 };
    const height = layout.height + margin.t - layout.margin.t;
    // a panel's name stands where the legend would begin
    legend.y = 1 + (annotations.length ? 24 : 4) / (height - margin.t - margin.b);
    return { ...layout, annotations, showlegend: true, legend, margin, height };
  };

  // The stylesheet gives a figure the palette's text and line colours; plotly wants them resolved.
  const themed = (element, original, data) => {
    const narrow = element.clientWidth < NARROW;
    const layout = narrow ? named(stacked(original), data) : original;
    const style = getComputedStyle(element);
    const axis = { gridcolor: style.borderTopColor, zerolinecolor: style.borderTopColor };
    const axes = Object.entries(layout).filter(([name]) => /^[xy]axis\d*$/.test(name));
    return {
      ...layout,
      // a bar's row needs no line across it: a y axis has a grid only where the figure asks for one
      ...Object.fromEntries(
        axes.map(([name, own]) => [name, { showgrid: name[0] === "x", ...own, ...axis }]),
      ),
      title: undefined,
      height: layout.height - TITLE,
      margin: {
        ...layout.margin,
        t: Math.max(layout.margin.t - TITLE, 10),
        ...(narrow ? { l: Math.min(layout.margin.l, 44), r: Math.min(layout.margin.r, 34) } : {}),
      },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: style.color, family: style.fontFamily, size: narrow ? 11 : 13 },
      hoverlabel: { font: { family: style.fontFamily } },
      ...(calm.matches ? { transition: { duration: 0 } } : {}),
    };
  };

  const draw = async (element) => {
    const { data, layout } = plots.get(element);
    const still = [...element.childNodes];
    try {
      await load();
      // Plotly writes into its layout: give it a copy, so that the next palette starts clean.
      const copy = structuredClone({ data, layout: themed(element, layout, data) });
      // numbers in the cells of a heat map need room
      if (element.clientWidth < NARROW) copy.data.forEach((trace) => delete trace.texttemplate);
      if (!drawn.has(element)) {
        element.replaceChildren();
      }
      await Plotly.react(element, copy.data, copy.layout, { displayModeBar: false, responsive: true });
      if (!drawn.has(element)) element.dispatchEvent(new CustomEvent("ka-drawn", { bubbles: true }));
      drawn.add(element);
      element.dataset.drawn = document.body.dataset.mdColorScheme ?? "";
    } catch (error) {
      if (!drawn.has(element)) element.replaceChildren(...still); // the still picture says the same
      element.dataset.failed = String(error);
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
    plots.set(element, JSON.parse(element.querySelector("script").textContent));
    seen.observe(element);
  }

  new MutationObserver(() => drawn.forEach(draw)).observe(document.body, {
    attributeFilter: ["data-md-color-scheme"],
  });

  // Other scripts of the page may change a figure: the zoo's, when its axes are chosen anew.
  window.keraudit = {
    redraw(element, change) {
      change(plots.get(element));
      if (drawn.has(element)) draw(element);
    },
  };
})();
