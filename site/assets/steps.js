// Steps of a figure, one at a time. Without this script, and on paper, all of them stand on the page.
(() => {
  "use strict";
  for (const box of document.querySelectorAll(".ka-steps")) {
    const steps = [...box.querySelectorAll("ol > li")];
    const nav = box.querySelector(".ka-steps-nav");
    const buttons = [...nav.querySelectorAll("button")];
    const status = nav.querySelector("[role=status]");
    let now = 0;

    const reachable = (by) => now + by >= 0 && now + by < steps.length;

    // A button at the end of the row stays focusable: a disabled one would lose the keyboard's place.
    const show = () => {
      steps.forEach((step, at) => step.toggleAttribute("data-now", at === now));
      for (const button of buttons) {
        button.setAttribute("aria-disabled", String(!reachable(Number(button.dataset.by))));
      }
      status.textContent = `Step ${now + 1} of ${steps.length}`;
    };

    nav.addEventListener("click", (event) => {
      const by = Number(event.target.dataset.by ?? 0);
      if (!by || !reachable(by)) return;
      now += by;
      show();
    });
    box.dataset.live = "";
    nav.hidden = false;
    show();
  }
})();
