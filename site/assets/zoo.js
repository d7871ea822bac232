// The zoo's table, sorted by a press on a head and narrowed by name and size; the figure's axes and points
// follow. What is chosen stands in the address.
(() => {
  "use strict";
  const box = document.querySelector(".ka-zoo");
  const axes = document.querySelector(".ka-axes");
  if (!box || !axes) return;
  const form = box.querySelector("form");
  const body = box.querySelector("tbody");
  const rows = [...body.rows];
  const told = box.querySelector(".ka-found");
  const heads = [...box.querySelectorAll("th[data-sort]")];
  const plot = document.querySelector(".ka-plot");
  const chosen = new URL(location.href).searchParams;
  const initial = new URLSearchParams(new FormData(axes)); // what an address need not say
  let whole; // the figure's points, before any is left out
  form.hidden = axes.hidden = false;

  const remember = (changes) => {
    const here = new URL(location.href);
    for (const [name, value] of Object.entries(changes)) {
      if (value) here.searchParams.set(name, value);
      else here.searchParams.delete(name);
    }
    try {
      history.replaceState(history.state, "", here);
    } catch {
      // a page opened from the disk has no address to change
    }
  };

  const valueOf = (row, at, kind) => {
    const text = row.cells[at].dataset.value;
    return kind === "text" ? text : text === "" ? null : Number(text);
  };

  const sort = (head, down) => {
    const at = heads.indexOf(head);
    const kind = head.dataset.sort;
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.sort((a, b) => {
      const [x, y] = [valueOf(a, at, kind), valueOf(b, at, kind)];
      if (x === null || y === null) return (x === null) - (y === null); // unknown stays last
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
    });
    body.append(...rows);
  };

  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      sort(head, down);
      remember({ sort: `${at}${down ? "-" : ""}` });
    });
    head.replaceChildren(button);
  });

  // The points of the rows that are left, along the axes that are chosen.
  const redraw = () => {
    const left = new Set(rows.filter((row) => !row.hidden).map((row) => row.cells[0].dataset.value));
    window.keraudit.redraw(plot, ({ data, layout }) => {
      whole ??= structuredClone(data);
      data.forEach((trace, number) => {
        const all = whole[number];
        const kept = all.customdata.map((row) => left.has(row[0].toLowerCase()));
        const some = (values) => values.filter((_, at) => kept[at]);
        trace.customdata = some(all.customdata);
        trace.text = some(all.text);
        trace.textposition = some(all.textposition);
        trace.marker = { ...all.marker, size: some(all.marker.size) };
        for (const name of ["x", "y"]) {
          const key = axes.elements[name].value;
          trace[name] = trace.customdata.map((row) => row[key]);
        }
      });
      for (const name of ["x", "y"]) {
        const option = axes.elements[name].selectedOptions[0];
        const { dtick, ...axis } = layout[`${name}axis`];
        const log = option.dataset.log === "true";
        layout[`${name}axis`] = {
          ...axis,
          type: log ? "log" : "linear",
          title: { ...axis.title, text: option.textContent },
          ...(log ? { dtick: 1 } : {}),
        };
      }
    });
  };

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
    told.textContent = `${left} of ${rows.length} models. Click a column heading to sort by it.`;
  };

  for (const field of [...form.elements, ...axes.elements]) {
    if (chosen.has(field.name)) field.value = chosen.get(field.name);
  }
  for (const select of axes.querySelectorAll("select")) {
    if (select.selectedIndex < 0) select.value = initial.get(select.name); // an address that makes no sense
  }
  const [, at, down] = /^(\d+)(-?)$/.exec(chosen.get("sort") ?? "") ?? [];
  if (at in heads) sort(heads[at], down === "-");
  narrow();
  redraw();

  form.addEventListener("input", () => {
    narrow();
    redraw();
    const { name, params, macs } = form.elements;
    remember({ name: name.value, params: params.value, macs: macs.value });
  });
  axes.addEventListener("change", () => {
    redraw();
    const changed = (name) =>
      axes.elements[name].value === initial.get(name) ? "" : axes.elements[name].value;
    remember({ x: changed("x"), y: changed("y") });
  });
  for (const each of [form, axes]) each.addEventListener("submit", (event) => event.preventDefault());

  // A point leads to its model, as its name in the table does.
  plot.addEventListener("ka-drawn", () => {
    plot.on("plotly_click", ({ points: [{ customdata }] }) => {
      location.href = `models/${customdata[0].toLowerCase()}.html`;
    });
  });
})();
