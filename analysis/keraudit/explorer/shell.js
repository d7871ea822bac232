// What holds on every page: commands are copied by a click, and a server that is gone is told with our command.
const GONE = "Is Streamlit still running";

function copied(event) {
  const button = event.target.closest && event.target.closest("button.copy");
  if (!button) return;
  const pre = button.parentElement.querySelector("pre");
  const said = (text) => {
    button.setAttribute("aria-live", "polite");
    button.textContent = text;
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  };
  // A page over plain HTTP of another machine has no clipboard: the line is selected, and copied the old way.
  const bySelection = () => {
    getSelection().selectAllChildren(pre);
    said(document.execCommand("copy") ? "Copied" : "Press Ctrl C");
  };
  if (!navigator.clipboard) bySelection();
  else navigator.clipboard.writeText(pre.textContent).then(() => said("Copied"), bySelection);
}

// Streamlit's own message names a script that the visitor has never seen.
function reworded(command) {
  for (const dialog of document.querySelectorAll("[role=dialog]")) {
    if (!dialog.textContent.includes(GONE) && !dialog.textContent.includes("streamlit run")) continue;
    const words = document.createTreeWalker(dialog, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
      const node = words.currentNode;
      if (node.data.trim() === "Connection error") node.data = "The explorer has stopped";
      else if (node.data.includes(GONE)) node.data = "Start it again in a terminal; this page then goes on where it was:";
      else if (node.data.includes("streamlit run")) node.data = command;
    }
  }
}

export default function (component) {
  const { command } = component.data;
  const watch = new MutationObserver(() => reworded(command));
  watch.observe(document.body, { childList: true, subtree: true });
  document.addEventListener("click", copied);
  document.body.dataset.shell = "";
  return () => {
    watch.disconnect();
    document.removeEventListener("click", copied);
  };
}
