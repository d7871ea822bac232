// The network as SVG: boxes and wires come laid out from Python; here they are drawn, moved and chosen.
// Every name is set as text, so nothing in a file can become markup.
const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function element(tag, attributes, text) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// A path through corners, each rounded.
function path(points, round = 7) {
  if (!points.length) return "";
  let text = `M${points[0]}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [a, b, c] = [points[i - 1], points[i], points[i + 1]];
    const before = Math.hypot(a[0] - b[0], a[1] - b[1]), after = Math.hypot(c[0] - b[0], c[1] - b[1]);
    const r = Math.min(round, before / 2, after / 2);
    const near = (p, d) => [b[0] + ((p[0] - b[0]) * r) / d, b[1] + ((p[1] - b[1]) * r) / d];
    text += `L${near(a, before)}Q${b} ${near(c, after)}`;
  }
  return `${text}L${points[points.length - 1]}`;
}

function drawnBox(box, data) {
  const group = make("g", { class: `box ${box.role}${box.open ? " open" : ""}${box.lit ? " lit" : ""}${box.mark ? ` ${box.mark}` : ""}`,
    transform: `translate(${box.x},${box.y})` });
  group.dataset.key = box.key;
  if (box.key === data.chosenBox) group.classList.add("chosen");
  const tinted = data.color !== "kind" && !box.open;
  group.append(make("title", {}, box.says));
  const frame = make("rect", { class: "frame", width: box.w, height: box.h, rx: 7 });
  if (tinted) frame.style.fill = box.fill;
  group.append(frame);
  const ink = tinted ? { style: `fill:${box.ink}` } : {};
  if (box.open) {
    group.append(make("text", { class: "name", x: 12, y: 17 }, box.name));
    group.append(make("text", { class: "cost", x: box.w - 10, y: 17, "text-anchor": "end" }, box.cost));
    if (box.role !== "branch") group.append(make("rect", { class: "hit", width: box.w, height: 25 }));
    return group;
  }
  if (!tinted) group.append(make("path", { class: "stripe", d: `M7 0H6V${box.h}H7a7 7 0 0 1-7-7V7a7 7 0 0 1 7-7`, style: `fill:${box.fill}` }));
  group.append(make("text", { class: "name", x: 14, y: 18, ...ink }, box.name));
  group.append(make("text", { class: "sub", x: 14, y: 34, ...ink }, box.sub));
  group.append(make("text", { class: "cost", x: box.w - 9, y: 34, "text-anchor": "end", ...ink }, box.cost));
  if (box.can) group.append(make("text", { class: "sign", x: box.w - 9, y: 18, "text-anchor": "end", ...ink }, "+"));
  if (box.bar) group.append(make("rect", { class: "bar", x: 14, y: 39.5, width: Math.max(1, (box.w - 23) * box.bar), height: 2.5, rx: 1.2,
    style: `fill:${tinted ? box.ink : box.fill}` }));
  group.append(make("rect", { class: "hit", width: box.w, height: 46 }));
  box.rows.forEach((row, number) => {
    const inner = make("g", { class: "row", transform: `translate(0,${46 + 18 * number})` });
    inner.dataset.layer = row.layer;
    inner.append(make("path", { class: "rule", d: `M6 0H${box.w - 1}` }));
    if (!tinted) inner.append(make("circle", { cx: 17.5, cy: 9, r: 3, style: `fill:${row.fill}` }));
    inner.append(make("text", { class: "sub", x: 25, y: 12.8, ...ink }, row.name));
    inner.append(make("rect", { class: "hit", width: box.w, height: 18 }));
    if (row.mark) inner.classList.add(row.mark);
    if (row.layer === data.chosen) inner.classList.add("chosen");
    group.append(inner);
  });
  return group;
}

function drawing(data) {
  const all = make("g", {});
  const layers = { frames: make("g", {}), wires: make("g", {}), boxes: make("g", {}) };
  for (const box of data.boxes) (box.open ? layers.frames : layers.boxes).append(drawnBox(box, data));
  const wires = [...data.wires].sort((a, b) => a.lit - b.lit || b.skip - a.skip);
  for (const wire of wires) {
    const kind = `wire${wire.skip ? " skip" : ""}${wire.lit ? " lit" : ""}`;
    layers.wires.append(make("path", { class: kind, d: path(wire.points) }));
    if (wire.head) {
      const [x, y] = wire.points[wire.points.length - 1];
      layers.wires.append(make("path", { class: `${kind} head`, d: `M${x - 4} ${y - 7}L${x} ${y - 0.5}L${x + 4} ${y - 7}Z` }));
    }
  }
  for (const arc of data.arcs) {
    const kind = `wire skip arc${arc.lit ? " lit" : ""}`;
    layers.wires.append(make("path", { class: kind, d: path(arc.points) }));
    if (arc.whole) {
      const [x, y] = arc.points[3];
      layers.wires.append(make("circle", { class: "join", cx: x, cy: y, r: 5 }));
      if (arc.sum) layers.wires.append(make("path", { class: "plus", d: `M${x - 3} ${y}h6M${x} ${y - 3}v6` }));
    }
    if (arc.count > 1) layers.wires.append(make("text", { class: "shape", x: arc.points[1][0] + 4, y: (arc.points[1][1] + arc.points[2][1]) / 2 + 4 }, `\u00d7${arc.count}`));
  }
  for (const [x, y, text] of data.shapes) layers.wires.append(make("text", { class: "shape", x, y }, text));
  all.append(layers.frames, layers.wires, layers.boxes);
  return all;
}

// Texts that this reader's font makes wider than their box are set closer.
function squeeze(text, room) {
  if (text.getComputedTextLength() <= room) return;
  text.setAttribute("textLength", room);
  text.setAttribute("lengthAdjust", "spacingAndGlyphs");
}

function fitTexts(groups) {
  const part = (group, name) => group.querySelector(`:scope > .${name}`);
  for (const group of groups) {
    const width = part(group, "frame").width.baseVal.value, cost = part(group, "cost"), sub = part(group, "sub");
    const beside = sub ? (part(group, "sign") ? 14 : 0) : cost.getComputedTextLength() + 6;
    squeeze(part(group, "name"), width - 23 - beside);
    if (sub) squeeze(sub, width - 29 - cost.getComputedTextLength());
  }
}

class Network {
  // `bare`: one block within a text, without search, colours or the wheel, and as high as it is drawn.
  constructor(root, bare) {
    this.root = root;
    this.bare = bare;
    root.classList.toggle("bare", bare);
    this.view = null;
    const bar = element("div", { class: "bar", role: "toolbar", "aria-label": "Network" });
    this.find = element("input", { class: "find", type: "search", placeholder: "Find a layer (Ctrl K)", autocomplete: "off", spellcheck: "false",
      role: "combobox", "aria-label": "Find a layer", "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list" });
    this.color = element("select", { class: "color", "aria-label": "Colour by" });
    if (!bare) bar.append(this.find, this.color);
    const button = (text, label, act) => {
      const made = element("button", { type: "button", "aria-label": label, title: label }, text);
      made.onclick = act;
      bar.append(made);
    };
    button("\u2212", "Zoom out", () => this.zoom(0.8));
    button("+", "Zoom in", () => this.zoom(1.25));
    button("Fit", bare ? "Show the whole drawing" : "Show the whole network", () => this.fit(true));
    button(bare ? "Close" : "Close all", bare ? "Close the drawing" : "Close every block", () => this.say({ act: "close" }));
    button("SVG", "Save as SVG", () => this.save("svg"));
    button("PNG", "Save as PNG", () => this.save("png"));
    this.found = element("ul", { id: "found", class: "found", role: "listbox", "aria-label": "Layers", hidden: "" });
    this.stage = element("div", { class: "stage" });
    this.svg = make("svg", { "aria-hidden": "true", focusable: "false" });
    this.tree = element("ul", { class: "tree", role: "tree", "aria-label": "Parts of the network" });
    this.legend = element("div", { class: "legend" });
    this.stage.append(this.svg, this.tree);
    root.replaceChildren(bar, this.found, this.stage, this.legend);
    this.listen();
  }

  listen() {
    this.keys = (event) => {
      if (!this.bare && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        this.find.focus();
        this.find.select();
      }
    };
    document.addEventListener("keydown", this.keys);
    this.color.onchange = () => this.say({ act: "color", value: this.color.value });
    this.find.oninput = this.find.onfocus = () => this.search();
    this.find.onblur = () => setTimeout(() => this.hide(), 150);
    this.find.onkeydown = (event) => this.searchKey(event);
    this.tree.onkeydown = (event) => this.treeKey(event);
    this.tree.addEventListener("focusin", (event) => this.focused(event.target.dataset.key));
    this.tree.addEventListener("focusout", () => this.focused(""));
    let drag = null;
    this.svg.onpointerdown = (event) => { drag = { x: event.clientX, y: event.clientY, moved: false }; };
    this.svg.onpointermove = (event) => {
      if (!drag || !(event.buttons & 1)) return;
      const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
      if (!drag.moved && Math.hypot(dx, dy) < 4) return;
      if (!drag.moved) this.svg.setPointerCapture(event.pointerId);
      drag = { x: event.clientX, y: event.clientY, moved: true };
      this.pan(dx, dy);
    };
    this.svg.onclick = (event) => {
      const moved = drag && drag.moved;
      drag = null;
      if (!moved) this.clicked(event.target);
    };
    this.svg.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const at = this.svg.getBoundingClientRect();
        this.zoom(Math.exp(-event.deltaY / 300), event.clientX - at.left, event.clientY - at.top);
      } else if (!this.bare && this.pan(-event.deltaX, -event.deltaY)) event.preventDefault();
    }, { passive: false });
  }

  show(component) {
    const { data } = component;
    const before = this.data;
    this.send = component.setTriggerValue;
    this.data = data;
    this.byKey = new Map(data.boxes.map((box) => [box.key, box]));
    const fresh = !before || before.model !== data.model;
    const held = !fresh && this.held(before);
    this.root.classList.toggle("dark", data.dark);
    this.all = drawing(data);
    this.svg.replaceChildren(this.all);
    fitTexts(this.all.querySelectorAll(".box"));
    this.color.replaceChildren(...data.colors.map(([key, text]) => element("option", { value: key }, text)));
    this.color.value = data.color;
    this.legend.replaceChildren(...data.legend.map(([text, fill]) => {
      const word = element("span", {}, text);
      const mark = element("i", {});
      mark.style.background = fill;
      word.prepend(mark);
      return word;
    }));
    this.plant();
    if (fresh || !this.view) this.fit(false);
    else if (held) {
      this.view.x += held.x - this.byKey.get(held.key).x * this.view.k;
      this.view.y += held.y - this.byKey.get(held.key).y * this.view.k;
    }
    const now = this.byKey.get(this.last);
    if (!fresh && now && now.open && !before.boxes.some((box) => box.open && box.key === now.key)) this.enclose(now);
    else if (data.chosenBox && (fresh || before.chosenBox !== data.chosenBox || before.chosen !== data.chosen)) this.reveal(data.chosenBox, fresh || !this.last);
    this.apply();
    if (this.again) {
      const item = this.itemOf(this.again);
      this.again = "";
      if (item) item.focus({ preventScroll: true });
    }
  }

  // What was clicked stays where it is while others make room.
  held(before) {
    const key = this.last;
    const old = before.boxes.find((box) => box.key === key);
    if (!old || !this.byKey.has(key)) return null;
    return { key, x: old.x * this.view.k, y: old.y * this.view.k };
  }

  size() {
    const box = this.stage.getBoundingClientRect();
    return [box.width || 600, box.height || 560];
  }

  fit(whole) {
    const [width, height] = this.size(), [w, h] = this.data.size;
    if (this.bare) {
      const k = Math.max(Math.min((width - 30) / w, 1), whole ? 0 : width < 480 ? 1 : 0.7);
      this.stage.style.height = `${Math.ceil(h * k) + 30}px`;
      this.view = { k, x: Math.max((width - w * k) / 2, 15), y: 15 };
      return this.apply();
    }
    const all = Math.min((width - 40) / w, (height - 40) / h);
    const k = whole ? Math.min(all, 1.2) : Math.max(Math.min(all, 1.15), Math.min(0.85, Math.max((width - 40) / w, 0.5)));
    this.view = { k, x: (width - w * k) / 2, y: h * k > height - 40 ? 20 : (height - h * k) / 2 };
    this.apply();
  }

  // Make room for what was opened.
  enclose(box) {
    const [width, height] = this.size();
    const k = this.view.k = Math.min(Math.max(this.view.k, 0.75), Math.max((width - 30) / box.w, 0.5));
    this.view.x = width / 2 - (box.x + box.w / 2) * k;
    const top = box.y * k + this.view.y, tall = box.h * k;
    if (top < 10 || top + tall > height - 10) this.view.y = (tall > height - 40 ? 20 : (height - tall) / 2) - box.y * k;
  }

  reveal(key, closer) {
    const box = this.byKey.get(key);
    if (!box) return;
    if (closer) this.view.k = Math.max(this.view.k, 0.75);
    const [width, height] = this.size(), k = this.view.k;
    const [left, top] = [box.x * k + this.view.x, box.y * k + this.view.y];
    const tall = Math.min(box.h * k, height - 120);
    if (left < 10 || left + box.w * k > width - 10) this.view.x = width / 2 - (box.x + box.w / 2) * k;
    if (top < 10 || top + tall > height - 60) this.view.y = (height) / 2 - tall / 2 - box.y * k;
  }

  zoom(factor, x, y) {
    const [width, height] = this.size();
    if (x === undefined) [x, y] = [width / 2, height / 2];
    const k = Math.min(3, Math.max(0.03, this.view.k * factor)), by = k / this.view.k;
    this.view = { k, x: x - (x - this.view.x) * by, y: y - (y - this.view.y) * by };
    this.apply();
  }

  pan(dx, dy) {
    const { x, y } = this.view;
    this.view.x += dx;
    this.view.y += dy;
    this.apply();
    return this.view.x !== x || this.view.y !== y;
  }

  apply() {
    const [width, height] = this.size(), [w, h] = this.data.size, view = this.view;
    const bound = (at, room, extent) => Math.min(Math.max(at, Math.min(60 - extent, room - extent - 60)), Math.max(room - 60, 60));
    view.x = bound(view.x, width, w * view.k);
    view.y = bound(view.y, height, h * view.k);
    this.all.setAttribute("transform", `translate(${view.x.toFixed(1)},${view.y.toFixed(1)}) scale(${view.k.toFixed(4)})`);
  }

  say(event) { this.send("event", event); }

  clicked(target) {
    const row = target.closest(".row"), group = target.closest(".box");
    if (!group) return;
    const box = this.byKey.get(group.dataset.key);
    this.last = box.key;
    this.choose(box, row ? Number(row.dataset.layer) : box.layer);
  }

  choose(box, layer) {
    if (box.role === "stack") this.say({ act: "layer", value: layer });
    else if (box.role !== "branch") this.say({ act: "toggle", value: box.key });
  }

  // The text tree: what a screen reader reads and what the keyboard moves in.
  plant() {
    const items = this.data.boxes.map((box) => {
      const item = element("li", { role: "treeitem", tabindex: "-1", "aria-level": box.depth + 1 }, box.says);
      if (box.can || box.open) item.setAttribute("aria-expanded", String(box.open));
      item.setAttribute("aria-selected", String(box.key === this.data.chosenBox));
      item.dataset.key = box.key;
      return item;
    });
    const first = items.find((item) => item.dataset.key === (this.data.chosenBox || this.last)) || items[0];
    if (first) first.tabIndex = 0;
    if (this.tree.contains(this.root.getRootNode().activeElement)) this.again = this.again || this.at;
    this.tree.replaceChildren(...items);
  }

  itemOf(key) { return [...this.tree.children].find((item) => item.dataset.key === key); }

  focused(key) {
    for (const old of this.svg.querySelectorAll(".focus")) old.classList.remove("focus");
    this.at = key;
    if (!key) return;
    const group = [...this.svg.querySelectorAll(".box")].find((found) => found.dataset.key === key);
    if (group) group.classList.add("focus");
    this.reveal(key);
    this.apply();
  }

  treeKey(event) {
    const items = [...this.tree.children], at = items.findIndex((item) => item.dataset.key === this.at);
    if (at < 0) return;
    const box = this.data.boxes[at];
    const go = (to) => {
      if (!items[to]) return;
      items[at].tabIndex = -1;
      items[to].tabIndex = 0;
      items[to].focus({ preventScroll: true });
    };
    const act = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      Home: () => go(0),
      End: () => go(items.length - 1),
      ArrowRight: () => (box.can && !box.open ? this.enter(box) : box.open && go(at + 1)),
      ArrowLeft: () => (box.open && box.role !== "branch" ? this.enter(box) : go(items.findIndex((item) => item.dataset.key === box.parent))),
      Enter: () => this.enter(box),
      " ": () => this.enter(box),
      Escape: () => { this.again = box.key; this.say({ act: "clear" }); },
    }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  enter(box) {
    this.last = this.again = box.key;
    this.choose(box, box.layer);
  }

  // Search: an empty box offers the most expensive layers.
  search() {
    const words = this.find.value.trim().toLowerCase();
    const names = this.data.names;
    let hits = this.data.top.map(([layer, text]) => [layer, text]);
    if (words) {
      const rank = (name) => (name === words ? 0 : name.startsWith(words) ? 1 : 2);
      hits = names.map((name, layer) => [layer, "", name.toLowerCase()]).filter(([, , name]) => name.includes(words))
        .sort((a, b) => rank(a[2]) - rank(b[2])).slice(0, 12);
    }
    const heading = words ? (hits.length ? [] : ["No layer of that name"]) : ["The most expensive layers"];
    this.found.replaceChildren(
      ...heading.map((text) => element("li", { class: "heading", role: "presentation" }, text)),
      ...hits.map(([layer, text], number) => {
        const item = element("li", { role: "option", id: `hit-${number}`, "aria-selected": "false" });
        item.append(element("span", {}, names[layer]), element("span", {}, text));
        item.dataset.layer = layer;
        item.onpointerdown = (event) => { event.preventDefault(); this.pick(item); };
        return item;
      }));
    this.found.hidden = false;
    this.find.setAttribute("aria-expanded", "true");
    this.mark(words && hits.length ? 0 : -1);
  }

  mark(number) {
    const items = [...this.found.querySelectorAll("[role=option]")];
    this.marked = items.length ? (number + items.length + (number < -1 ? 1 : 0)) % items.length : -1;
    if (number === -1) this.marked = -1;
    items.forEach((item, n) => item.setAttribute("aria-selected", String(n === this.marked)));
    if (this.marked >= 0) this.find.setAttribute("aria-activedescendant", `hit-${this.marked}`);
    else this.find.removeAttribute("aria-activedescendant");
  }

  searchKey(event) {
    if (event.key === "ArrowDown") this.mark(this.marked + 1);
    else if (event.key === "ArrowUp") this.mark(this.marked <= 0 ? -2 : this.marked - 1);
    else if (event.key === "Enter") {
      const item = this.found.querySelectorAll("[role=option]")[Math.max(this.marked, 0)];
      if (item) this.pick(item);
    } else if (event.key === "Escape") this.find.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  pick(item) {
    this.find.value = "";
    this.last = "";
    this.find.blur();
    this.hide();
    this.say({ act: "layer", value: Number(item.dataset.layer) });
  }

  hide() {
    this.found.hidden = true;
    this.find.setAttribute("aria-expanded", "false");
    this.find.removeAttribute("aria-activedescendant");
  }

  // The drawing as a file of its own: its styles as they are computed here.
  text() {
    const [w, h] = this.data.size, copy = this.all.cloneNode(true);
    const own = [this.all, ...this.all.querySelectorAll("*")], theirs = [copy, ...copy.querySelectorAll("*")];
    own.forEach((from, number) => {
      const style = getComputedStyle(from);
      theirs[number].setAttribute("style", ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "font-family", "font-size", "font-weight"]
        .map((name) => `${name}:${style.getPropertyValue(name)}`).join(";"));
    });
    copy.setAttribute("transform", "translate(20,20)");
    const whole = make("svg", { xmlns: SVG, width: w + 60, height: h + 40, viewBox: `0 0 ${w + 60} ${h + 40}` });
    whole.append(make("rect", { width: "100%", height: "100%", fill: getComputedStyle(this.stage).backgroundColor }), copy);
    return new XMLSerializer().serializeToString(whole);
  }

  save(kind) {
    const give = (blob) => {
      const link = element("a", { href: URL.createObjectURL(blob), download: `${this.data.stem}.${kind}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    };
    const blob = new Blob([this.text()], { type: "image/svg+xml" });
    if (kind === "svg") return give(blob);
    const image = new Image();
    image.onload = () => {
      const most = 8000, by = Math.min(2, most / image.width, most / image.height);
      const canvas = element("canvas", { width: Math.round(image.width * by), height: Math.round(image.height * by) });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob(give, "image/png");
    };
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(this.text())}`;
  }
}

export default function (component) {
  const root = component.parentElement;
  let host = root.querySelector(".network");
  if (!host) {
    host = element("div", { class: "network" });
    root.append(host);
    host.drawing = new Network(host, Boolean(component.data.bare));
  }
  host.drawing.show(component);
  return () => {
    document.removeEventListener("keydown", host.drawing.keys);
    host.remove();
  };
}
