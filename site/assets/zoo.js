// The zoo's table, sorted by a press on a head and narrowed by name and size; the axes of its figure.
(() => {
  "use strict";
  for (const box of document.querySelectorAll(".ka-zoo")) {
    const form = box.querySelector("form");
    const body = box.querySelector("tbody");
    const rows = [...body.rows];
    const told = box.querySelector(".ka-found");
    const heads = [...box.querySelectorAll("th[data-sort]")];
    form.hidden = false;

    const valueOf = (row, at, kind) => {
      const text = row.cells[at].dataset.value;
      return kind === "text" ? text : text === "" ? null : Number(text);
    };

    const sort = (head) => {
      const at = heads.indexOf(head);
      const kind = head.dataset.sort;
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort((a, b) => {
        const [x, y] = [valueOf(a, at, kind), valueOf(b, at, kind)];
        if (x === null || y === null) return (x === null) - (y === null); // unknown stays last
        return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
      });
      body.append(...rows);
    };

    for (const head of heads) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", () => sort(head));
      head.replaceChildren(button);
    }

    const narrow = () => {
      const { name, params, macs } = form.elements;
      const most = (field, unit) => (field.value === "" ? Infinity : Number(field.value) * unit);
      const wanted = name.value.trim().toLowerCase();
      for (const row of rows) {
        row.hidden =
          !row.cells[0].dataset.value.includes(wanted) ||
          Number(row.dataset.params) > most(params, 1e6) ||
          Number(row.dataset.macs) > most(macs, 1e9);
      }
      const left = rows.filter((row) => !row.hidden).length;
      told.textContent = `${left} of ${rows.length} models. Press a column's head to sort by it.`;
    };
    form.addEventListener("input", narrow);
    form.addEventListener("submit", (event) => event.preventDefault());
    narrow();
  }

  for (const form of document.querySelectorAll(".ka-axes")) {
    const plot = document.querySelector(".ka-plot");
    form.hidden = false;
    form.addEventListener("change", () => {
      window.keraudit.redraw(plot, ({ data, layout }) => {
        for (const name of ["x", "y"]) {
          const option = form.elements[name].selectedOptions[0];
          for (const trace of data) trace[name] = trace.customdata.map((row) => row[option.value]);
          const log = option.dataset.log === "true";
          const { dtick, ...axis } = layout[`${name}axis`];
          layout[`${name}axis`] = {
            ...axis,
            type: log ? "log" : "linear",
            title: { ...axis.title, text: option.textContent },
            ...(log ? { dtick: 1 } : {}),
          };
        }
      });
    });
  }
})();
