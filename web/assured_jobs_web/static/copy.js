// A button beside what is worth copying. On plain HTTP there is no clipboard to write to: the text is marked instead.
export function offerCopies(root) {
  for (const text of root.querySelectorAll("[data-copy]:not([data-offered])")) {
    text.dataset.offered = "yes";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${text.textContent.slice(0, 60)}`);
    button.addEventListener("click", () => copy(text, button));
    text.after(button);
  }
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}
