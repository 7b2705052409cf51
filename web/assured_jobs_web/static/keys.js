// Keys of one letter. Never while somebody types, and never with Ctrl, Alt or Meta; they can be turned off.
import { boxes, tickAll } from "./ticks.js";

const STORED = "assured-jobs-keys";
const isOn = () => {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true;
  }
};

export function listenToKeys() {
  const dialog = document.querySelector("#keys");
  const hint = document.querySelector(".keys-hint");
  if (!dialog || !hint) return;
  hint.hidden = false;
  const choice = document.querySelector("#keys-on");
  choice.checked = isOn();
  choice.addEventListener("change", () => {
    try {
      localStorage.setItem(STORED, choice.checked ? "on" : "off");
    } catch { /* not kept, then */ }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.key === "Escape") return escape();
    const at = event.target;
    if (at.matches("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
    if (event.key === "?") {
      event.preventDefault();
      return dialog.open ? dialog.close() : dialog.showModal();
    }
    if (dialog.open || !isOn()) return;
    const act = ACTS[event.key] || (/^[1-5]$/.test(event.key) && (() => go(Number(event.key))));
    if (act && act() !== false) event.preventDefault();
  });
}

const ACTS = {
  "/": () => focus("input[type=search]"),
  j: () => move(1),
  k: () => move(-1),
  x: () => here()?.querySelector("input[name=id]")?.click(),
  a: () => boxes().length > 0 && tickAll(!boxes().every((box) => box.checked)),
  o: () => here()?.querySelector("a.id")?.click(),
  r: () => press("#retry"),
  d: () => press("#delete"),
};

function here() {
  return document.querySelector(".jobs tbody tr.at");
}

function move(by) {
  const rows = [...document.querySelectorAll(".jobs tbody tr")];
  if (!rows.length) return false;
  const next = rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(here()) + by))];
  here()?.classList.remove("at");
  next.classList.add("at");
  next.scrollIntoView({ block: "nearest" });
}

function go(number) {
  const link = document.querySelectorAll("nav a")[number - 1];
  link ? link.click() : undefined;
}

function press(which) {
  const button = document.querySelector(which);
  if (!button) return false;
  button.click();
}

function focus(which) {
  const field = document.querySelector(which);
  if (!field) return false;
  field.focus();
  field.select();
}

function escape() {
  const at = document.activeElement;
  if (at && at.matches("input, select")) at.blur();
  if (!document.querySelector("dialog[open]")) tickAll(false);
}
