// How many rows are ticked, ranges with Shift, and one box that ticks them all.
let last = null;

export const boxes = () => [...document.querySelectorAll(".jobs input[name=id]")];

export function countTicks() {
  const head = document.querySelector(".jobs th.tick");
  if (head && !head.querySelector("input")) {
    const all = document.createElement("input");
    all.type = "checkbox";
    all.id = "tick-all";
    all.setAttribute("aria-label", "Tick all on this page");
    all.addEventListener("change", () => tickAll(all.checked));
    head.replaceChildren(all);
  }
  show();
}

export function tickAll(on) {
  for (const box of boxes()) box.checked = on;
  show();
}

function show() {
  const place = document.querySelector("#ticked");
  const found = boxes();
  const number = found.filter((box) => box.checked).length;
  if (place) place.textContent = number ? `${number} ticked` : "Tick jobs, or take all that match.";
  const all = document.querySelector("#tick-all");
  if (all) {
    all.checked = number > 0 && number === found.length;
    all.indeterminate = number > 0 && number < found.length;
  }
}

document.addEventListener("click", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || box.name !== "id") return;
  const found = boxes();
  if (event.shiftKey && last && found.includes(last)) {
    const [from, to] = [found.indexOf(last), found.indexOf(box)].sort((a, b) => a - b);
    for (const one of found.slice(from, to + 1)) one.checked = box.checked;
  }
  last = box;
  show();
});
