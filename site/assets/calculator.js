// The calculator: what a convolution costs with a 1x1 reduction in front of it, and without.
// The page holds the lecture's case; this writes the same lines for any sizes, in whole numbers.
(() => {
  "use strict";
  const LIMIT = 10; // digits of a factor: two decimals
  for (const box of document.querySelectorAll(".ka-calculator")) {
    const form = box.querySelector("form");
    const refusal = box.querySelector(".ka-refusal");
    const verdict = box.querySelector(".ka-verdict");
    const inputs = [...form.querySelectorAll("input[type=number]")];
    const sliders = [...form.querySelectorAll("input[type=range]")];
    const result = box.querySelector(".ka-result");
    form.hidden = false;

    const grouped = (number) => number.toLocaleString("en-US");
    const product = (sizes) => sizes.reduce((total, size) => total * BigInt(size), 1n);
    const ratio = (a, b) => Number((a * 10n ** BigInt(LIMIT)) / b) / 10 ** LIMIT;

    // The first field that is no whole number within its limits, in words; "" if all are.
    const wrong = () => {
      let found = "";
      for (const input of inputs) {
        const fits =
          /^\d+$/.test(input.value.trim()) &&
          Number(input.value) >= Number(input.min) &&
          Number(input.value) <= Number(input.max);
        input.setAttribute("aria-invalid", String(!fits));
        if (!fits && !found) {
          const name = input.parentElement.firstElementChild.textContent;
          found = `${name}: a whole number from ${input.min} to ${grouped(Number(input.max))}, please.`;
        }
      }
      return found;
    };

    const line = (name, sizes, value) => {
      const cells = box.querySelector(`[data-line="${name}"]`).querySelectorAll("td");
      cells[0].textContent = grouped(value);
      if (sizes) cells[1].textContent = sizes.join(" × ");
    };

    const told = (direct, total, s) => {
      const times = ratio(direct, total);
      if (direct > total) return [`With the reduction: `, `${times.toFixed(2)} times`, ` fewer multiplications.`];
      if (direct === total) return [`The reduction changes nothing here.`, "", ""];
      return [`The reduction costs more than it saves here: `, `${ratio(total, direct).toFixed(2)} times`, ` the multiplications.`];
    };

    // Three or four digits and a decimal prefix, as the page's other numbers.
    const short = (value) => {
      let power = 0;
      for (; value >= 999.95 && power < 6; power++) value /= 1000;
      const digits = power ? (value < 10 ? 3 : value < 100 ? 2 : 1) : 0;
      return `${value.toFixed(digits)} ${["", "k", "M", "G", "T", "P", "E"][power]}`.trim();
    };

    // The straight line of the multiplications over the reduction's width, and what is marked on it.
    const curve = box.querySelector(".ka-curve");
    const plot = (direct, total, s) => {
      const widest = Math.max(s.channels, s.reduction);
      const elements = s.filters * s.kernel * s.kernel;
      const even = (elements * s.channels) / (elements + s.channels);
      const last = (total / s.reduction) * widest; // the cost is proportional to the width
      const top = (1.15 * Math.max(direct, last)) / 100;
      const x = { now: (100 * s.reduction) / widest, even: (100 * even) / widest };
      const y = { now: total / top, even: direct / top };
      const [highest, level] = [(100 - last / top).toFixed(2), (100 - direct / top).toFixed(2)];
      const path = (name, d) => curve.querySelector(`[data-curve=${name}]`).setAttribute("d", d);
      path("total", `M0 100L100 ${highest}`);
      path("direct", `M0 ${level}H100`);
      const one = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
      const told = even.toLocaleString("en-US", one);
      const words = {
        direct: `without reduction: ${short(direct)}`,
        now: `r = ${grouped(s.reduction)}: ${short(total)}`,
        even: `break-even ${told}`,
        widest: grouped(widest),
        derived: `${grouped(elements)} · ${grouped(s.channels)} / (${grouped(elements)} + ${grouped(s.channels)}) = ${told}`,
      };
      for (const [name, text] of Object.entries(words)) {
        box.querySelector(`[data-words=${name}]`).textContent = text;
      }
      for (const name of ["now", "even"]) {
        const left = x[name].toFixed(2);
        path(name, `M${left} ${(100 - y[name]).toFixed(2)}V100`);
        const mark = curve.querySelector(`[data-mark=${name}]`).style;
        [mark.left, mark.bottom] = [`${left}%`, `${y[name].toFixed(2)}%`];
        const tick = curve.querySelector(`[data-words=${name}]`).style;
        [tick.left, tick.transform] = [`${left}%`, `translateX(-${left}%)`];
      }
      curve.querySelector("[data-words=direct]").style.bottom = `${y.even.toFixed(2)}%`;
      const { direct: without, now, even: met } = words;
      curve.setAttribute(
        "aria-label",
        `Line chart of the multiplications against the channels after the reduction; ${without}, ${now}, ${met}`,
      );
    };

    const update = () => {
      const problem = wrong();
      refusal.textContent = problem;
      // what stands below is of the last good sizes: it says so by its colour, and by a word
      result.classList.toggle("ka-stale", Boolean(problem));
      if (problem) {
        refusal.textContent += " Below are the last valid sizes.";
        return;
      }
      for (const slider of sliders) slider.value = form.elements[slider.dataset.of].value;
      form.elements.start.value = inputs.map((input) => input.value).join(","); // none, where they are of no start
      const s = Object.fromEntries(inputs.map((input) => [input.name, Number(input.value)]));
      const sizes = {
        direct: [s.height, s.width, s.filters, s.kernel, s.kernel, s.channels],
        squeeze: [s.height, s.width, s.reduction, 1, 1, s.channels],
        behind: [s.height, s.width, s.filters, s.kernel, s.kernel, s.reduction],
      };
      const count = Object.fromEntries(Object.entries(sizes).map(([k, v]) => [k, product(v)]));
      const total = count.squeeze + count.behind;
      for (const name of Object.keys(sizes)) line(name, sizes[name], count[name]);
      line("total", null, total);
      const most = count.direct > total ? count.direct : total;
      for (const part of box.querySelectorAll("[data-part]")) {
        part.style.width = `${100 * ratio(count[part.dataset.part], most)}%`;
      }
      const [before, strong, after] = told(count.direct, total, s);
      const bold = document.createElement("strong");
      bold.textContent = strong;
      verdict.replaceChildren(before, bold, after);
      plot(Number(count.direct), Number(total), s);
    };

    // The sizes stand in the address, so that it can be shared; without them it is the lecture's case.
    const share = () => {
      const here = new URL(location.href);
      for (const input of inputs) here.searchParams.set(input.name, input.value);
      try {
        history.replaceState(history.state, "", here);
      } catch {
        // a page opened from the disk has no address to change
      }
    };
    const given = new URL(location.href).searchParams;
    for (const input of inputs) if (given.has(input.name)) input.value = given.get(input.name);

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      if (event.target.name === "start") {
        event.target.value.split(",").forEach((value, at) => (inputs[at].value = value));
      }
      const { of } = event.target.dataset;
      if (of) form.elements[of].value = event.target.value;
      update();
      if (!refusal.textContent) share();
    });
    update();
  }
})();
