/* Keeps a source's figures fresh: asks every two seconds while the backfill runs and the page is
   seen, every ten seconds afterwards. Without it the page shows the figures of when it was made. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector("[data-progress-url]");
  if (!page) return;
  /* Of the last ten seconds: a speed over less would jump with every batch. */
  let samples = [];

  const find = (name) => page.querySelector(`[data-progress="${name}"]`);

  const show = (now) => {
    const bar = find("bar");
    bar.style.width = `${now.percent}%`;
    bar.parentElement.setAttribute("aria-valuenow", now.percent);
    find("percent").textContent = `${now.percent} %`;
    find("headline").textContent = now.headline;
    find("held").textContent = now.held;
    find("held").hidden = now.held === "";
    for (const [id, [value, words]] of Object.entries(now.figures)) {
      find(`${id}-value`).textContent = value;
      find(`${id}-words`).textContent = words;
    }
    find("unreached").hidden = true;
  };

  const ask = async () => {
    let wait = 10000;
    if (!document.hidden) {
      try {
        const query = samples.length ? `?${new URLSearchParams(samples[0])}` : "";
        const answer = await fetch(page.dataset.progressUrl + query, { cache: "no-store" });
        if (!answer.ok) throw new Error(`answered ${answer.status}`);
        const now = await answer.json();
        samples = [...samples.slice(-4), now.sample];
        show(now);
        wait = now.finished ? 10000 : 2000;
      } catch (error) {
        find("unreached").hidden = false;
      }
    } else {
      wait = 2000;
    }
    setTimeout(ask, wait);
  };

  setTimeout(ask, 2000);
});
