// The pages work without this. It refreshes them without eating a selection, adds keys, and takes the steps of a run.
import { keepFresh } from "./refresh.js";
import { listenToKeys } from "./keys.js";
import { countTicks } from "./ticks.js";
import { takeSteps } from "./run.js";
import { offerCopies } from "./copy.js";

countTicks();
listenToKeys();
offerCopies(document);
takeSteps();
keepFresh();

// A second click while the first is under way is not sent: the server would take it for nothing new anyway.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach((form) => delete form.dataset.sent));

const said = document.querySelector("#said[tabindex]");
if (said) said.focus();
