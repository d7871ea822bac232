// Strips of blocks: choose a network or a block; the block's own picture opens below, drawn by the explorer's
// component. That and the pictures of a network load when they are first asked for.
(() => {
  "use strict";
  window.keraudit ??= {};
  window.keraudit.blocks ??= {};
  const loading = new Map();

  const load = (address) => {
    if (!loading.has(address)) {
      const made = document.createElement("script");
      const failed = (reject) => () => {
        loading.delete(address); // the next choice tries again
        reject();
      };
      loading.set(address, new Promise((resolve, reject) => Object.assign(made, { src: address, onload: resolve, onerror: failed(reject) })));
      document.head.append(made);
    }
    return loading.get(address);
  };

  for (const box of document.querySelectorAll(".ka-strips")) {
    const form = box.querySelector("form");
    const { network, block } = form.elements;
    const strips = [...box.querySelectorAll(".ka-strip")];
    const picture = box.querySelector(".ka-strip-picture");
    const [says, place] = picture.children;
    let shown; // what the component is given, of the chosen block

    // The blocks of the networks that are visible, in one list.
    const list = () => {
      const groups = strips.filter((strip) => !strip.hidden).map((strip) => {
        const group = document.createElement("optgroup");
        group.label = strip.dataset.network;
        const names = [...strip.querySelectorAll("rect")].map((rect) => rect.dataset.block);
        group.append(...names.map((name) => new Option(name, `${group.label}/${name}`)));
        return group;
      });
      block.replaceChildren(new Option("none", ""), ...groups);
    };

    const close = () => {
      block.value = "";
      picture.hidden = true;
      for (const old of box.querySelectorAll("rect.ka-chosen")) old.classList.remove("ka-chosen");
    };

    const happened = (name, { act, value }) => {
      if (act === "close" || (act === "toggle" && `${name}/${value}` === block.value)) {
        close();
        block.focus();
      } else if (act === "toggle") show(`${name}/${value}`);
      else {
        const holds = (one) => one.role === "stack" && (one.layer === value || one.rows.some((row) => row.layer === value));
        const layer = act === "layer" ? shown.boxes.find(holds) : undefined;
        shown = { ...shown, chosen: layer ? value : null, chosenBox: layer?.key ?? "" };
        if (layer) says.textContent = layer.says;
        draw(name);
      }
    };

    const draw = (name) => {
      const dark = document.body.dataset.mdColorScheme === "slate";
      const send = (_, event) => happened(name, event);
      window.keraudit.drawNetwork({ data: { ...shown, dark }, parentElement: place.shadowRoot, setTriggerValue: send });
    };

    // "ResNet50/conv2_block1": the network and its block.
    const show = async (chosen) => {
      close();
      const [name, key] = chosen.split("/");
      const strip = strips.find((one) => one.dataset.network === name);
      const rect = [...(strip?.querySelectorAll("rect") ?? [])].find((one) => one.dataset.block === key);
      if (!rect) return;
      block.value = chosen;
      rect.classList.add("ka-chosen");
      const [title, rest] = rect.firstElementChild.textContent.split(": ");
      says.textContent = `${title} of ${name}: ${rest}`;
      picture.hidden = false;
      place.hidden = true; // the block before
      try {
        await Promise.all([load(box.dataset.component), load(strip.dataset.source)]);
      } catch {
        if (block.value === chosen) says.textContent += ". Its picture cannot be loaded.";
        return;
      }
      if (block.value !== chosen) return; // another was chosen meanwhile
      if (!place.shadowRoot) {
        const style = document.createElement("style");
        style.textContent = window.keraudit.networkStyle;
        place.attachShadow({ mode: "open" }).append(style);
      }
      shown = { ...window.keraudit.blocks[name][key], bare: true, model: chosen, stem: `${name}-${key}`.toLowerCase(), colors: [] };
      place.hidden = false;
      draw(name);
    };

    network.onchange = () => {
      for (const strip of strips) strip.hidden = Boolean(network.value) && strip.dataset.network !== network.value;
      close();
      list();
    };
    block.onchange = () => show(block.value);
    form.onsubmit = (event) => event.preventDefault();
    form.onclick = ({ target }) => {
      const by = Number(target.dataset.step ?? 0);
      const next = block.options[block.selectedIndex + by];
      if (by && next?.value) show(next.value);
    };
    box.querySelector(".ka-strip-row").onclick = ({ target }) => {
      const strip = target.closest(".ka-strip");
      if (target.dataset.block) show(`${strip.dataset.network}/${target.dataset.block}`);
    };
    new MutationObserver(() => {
      if (!picture.hidden && place.shadowRoot) draw(block.value.split("/")[0]);
    }).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
    form.hidden = false;
    list();
  }
})();
