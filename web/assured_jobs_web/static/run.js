// A word about many jobs: one short step after the other, until it is over or somebody stops it.
const PAUSE = 150;

export async function takeSteps() {
  const run = document.querySelector("#run");
  const form = document.querySelector("#run-form");
  const button = document.querySelector("#go-on");
  if (!run?.dataset.run || !button) return;
  button.hidden = true;
  let stopped = false;
  form.addEventListener("submit", () => { stopped = true; });
  while (!stopped) {
    try {
      const response = await fetch(run.dataset.run, {
        method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" },
      });
      if (!response.ok) throw new Error(String(response.status));
      const told = await response.json();
      document.querySelector("#run-words").textContent = told.words;
      const bar = document.querySelector("#run-bar");
      bar.max = Math.max(1, told.total, told.looked);
      bar.value = told.ended === "finished" ? bar.max : told.done;
      if (told.ended) return location.reload();
    } catch {
      document.querySelector("#run-words").textContent = "The dashboard does not answer. What is done is done; press Go on to try again.";
      button.hidden = false;
      return;
    }
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}
