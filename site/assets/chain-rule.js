// The figure of the chain rule: draws model and measurement for other depths, networks and gains.
// What the page holds is its first picture; the same lines are written here from the same numbers.
(() => {
  "use strict";
  const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const SIDES = { off: "without skips", on: "with skips" };
  for (const figure of document.querySelectorAll(".ka-chain")) {
    const { box, ticks, slack, networks, measured } = JSON.parse(figure.querySelector("script").textContent);
    const [left, top, right, bottom] = box;
    const form = figure.querySelector("form");
    const picture = figure.querySelector("[data-picture]");
    const status = figure.querySelector("[role=status]");
    const { depth, network, skips, gain } = form.elements;
    form.hidden = false;

    const raised = (power) => [...String(power)].map((digit) => RAISED[digit]).join("");
    const times = (value) => {
      if (value >= 1e-3 && value < 1e6) {
        return `${Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 6 })}×`;
      }
      const [digits, power] = value.toExponential(1).split("e");
      return `${digits} × 10${raised(Number(power))}×`;
    };

    // The least-squares line through the logarithms: its growth per block towards the input, and across.
    const fitted = (logs) => {
      const middle = (logs.length - 1) / 2;
      const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
      let [up, across] = [0, 0];
      logs.forEach((log, at) => {
        up += (at - middle) * (log - mean);
        across += (at - middle) ** 2;
      });
      const slope = -up / across;
      return { logs, growth: 10 ** slope, across: 10 ** (slope * (logs.length - 1)) };
    };

    // As `chain_rule.model`: f = g^2 a block; with skips squared norms add; under batch norm f / sqrt(l).
    const modelled = (blocks, g, norm, skip) => {
      const f = g * g;
      const logs = [0];
      for (let block = blocks; block > 0; block -= 1) {
        const squared = 1 + (f * f) / (norm ? block : 1);
        logs.unshift(logs[0] + (skip ? Math.log10(squared) / 2 : Math.log10(f)));
      }
      return fitted(logs);
    };

    const curves = () => {
      const found = {};
      for (const side of Object.keys(SIDES)) {
        if (skips.value !== "both" && skips.value !== side) continue;
        const line = measured[depth.value][network.value][side];
        const blocks = line.logs.length - 1;
        found[`${side}-measured`] = line;
        found[`${side}-model`] = modelled(blocks, Number(gain.value), networks[network.value].norm, side === "on");
      }
      return found;
    };

    const drawn = (found) => {
      const every = Object.values(found).flatMap((curve) => curve.logs);
      const low = Math.floor(Math.min(...every) + slack);
      const high = Math.max(Math.ceil(Math.max(...every) - slack), low + 1);
      const blocks = Object.values(found)[0].logs.length - 1;
      const x = (block) => (left + ((right - left) * block) / blocks).toFixed(1);
      const y = (log) => bottom - ((bottom - top) * (log - low)) / (high - low);
      const parts = [];
      for (let power = low; power <= high; power += Math.ceil((high - low) / ticks)) {
        const label = power ? `10${raised(power)}` : "1";
        parts.push(`<path class="ka-grid" d="M${left} ${y(power).toFixed(1)}H${right}"/>`);
        parts.push(`<text x="${left - 6}" y="${(y(power) + 5).toFixed(1)}" text-anchor="end">${label}</text>`);
      }
      for (const stage of [0, 1, 2, 3]) {
        const block = Math.floor((stage * blocks) / 3);
        parts.push(`<path class="ka-grid" d="M${x(block)} ${top}V${bottom}"/>`);
        parts.push(`<text x="${x(block)}" y="${bottom + 18}" text-anchor="middle">${block}</text>`);
      }
      for (const [name, curve] of Object.entries(found)) {
        const points = curve.logs.map((log, at) => `${x(at)} ${y(log).toFixed(1)}`).join("L");
        parts.push(`<path class="ka-line" data-line="${name}" d="M${points}"/>`);
      }
      picture.innerHTML = parts.join("");
    };

    const update = () => {
      const found = curves();
      drawn(found);
      for (const row of figure.querySelectorAll("[data-row]")) {
        const curve = found[row.dataset.row];
        row.hidden = !curve;
        if (!curve) continue;
        const cells = row.querySelectorAll("td");
        cells[0].textContent = curve.growth.toFixed(2);
        cells[1].textContent = times(curve.across);
      }
      form.querySelector("output").textContent = Number(gain.value).toFixed(2);
    };

    // One sentence for those who hear the page, once a choice is made.
    const tell = () => {
      const found = curves();
      status.textContent = Object.entries(SIDES)
        .filter(([side]) => found[`${side}-model`])
        .map(([side, title]) => {
          const [model, real] = ["model", "measured"].map((kind) => times(found[`${side}-${kind}`].across));
          return `${title}: along the fitted line ${model} in the model, ${real} measured`;
        })
        .join("; ");
    };

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      if (event.target === network) gain.value = networks[network.value].gain;
      update();
    });
    form.addEventListener("change", tell);
    form.reset(); // some browsers keep what was chosen before: the page's first picture is of the first choice
    update();
  }
})();
