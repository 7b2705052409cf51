// Every few seconds the live parts of a page are replaced by what the server says now. Never while somebody has ticked a
// row, types, or has marked text there; never while nobody looks.
import { offerCopies } from "./copy.js";
import { countTicks } from "./ticks.js";

const period = Math.max(2, Number(document.body.dataset.refresh) || 0) * 1000;
let updated = Date.now();
let failed = "";
let asking = false;

export function keepFresh() {
  if (!document.body.dataset.refresh || !document.querySelector("[data-live]")) return;
  setInterval(tell, 1000);
  setInterval(() => refresh(), period);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
}

export function pausedBecause() {
  if (document.hidden) return "while nobody looks";
  if (document.querySelector("main input[type=checkbox]:checked")) return "while jobs are ticked";
  if (document.querySelector("dialog[open]")) return "while a dialog is open";
  const at = document.activeElement;
  if (at && at.closest("[data-live]") && at.matches("input, select, button, a")) return "while something here has the focus";
  const marked = getSelection();
  if (marked && !marked.isCollapsed) return "while text is marked";
  return "";
}

async function refresh() {
  if (asking || pausedBecause()) return tell();
  asking = true;
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    failed = response.ok ? "" : fresh.querySelector(".refusal p")?.textContent || `The dashboard answers with ${response.status}.`;
    if (response.ok && !pausedBecause()) replace(fresh);
  } catch {
    failed = "The dashboard does not answer.";
  } finally {
    asking = false;
    tell();
  }
}

function replace(fresh) {
  const at = document.querySelector(".jobs tr.at input[name=id]")?.value;
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (other && other.innerHTML !== part.innerHTML) part.replaceWith(document.importNode(other, true));
  }
  if (at) {
    const box = [...document.querySelectorAll(".jobs input[name=id]")].find((one) => one.value === at);
    box?.closest("tr").classList.add("at");
  }
  offerCopies(document);
  countTicks();
  updated = Date.now();
  document.body.dataset.refreshed = String(Number(document.body.dataset.refreshed || 0) + 1);
}

function tell() {
  const place = document.querySelector("#updated");
  if (!place) return;
  const seconds = Math.round((Date.now() - updated) / 1000);
  const why = pausedBecause();
  const state = failed ? `${failed} ` : why ? `Not refreshed ${why}. ` : "";
  place.textContent = `${state}Updated ${seconds} s ago.`;
  if (failed) alarm(`NOT KNOWN: ${failed} What stands below is of ${seconds} s ago.`);
}

// What was true then may be no more: the line that everybody reads first must not go on saying it. The next answer
// replaces it.
function alarm(sentence) {
  const line = document.querySelector("#alarm");
  if (!line) return;
  line.className = "alarm fire";
  line.querySelector("strong").textContent = sentence;
}
