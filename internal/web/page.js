"use strict";

// Keeps the page up to date without loading it again. Each section is replaced only
// when it changed, so that a button stays where a finger is about to press it.
(() => {
  const silence = 40000; // ms without an event: the page may be out of date
  const retryAfter = 10000; // ms until a stream that was refused is tried again
  const answerFor = 60000; // ms that the answer to a decision stays
  const warning = document.getElementById("lost");
  const shown = new Map();
  for (const part of document.querySelectorAll("main > section")) {
    shown.set(part.id, part.innerHTML);
  }
  let heard = Date.now();

  // setStale says whether the station has fallen silent, and what the page still shows.
  function setStale(stale) {
    if (stale) {
      document.getElementById("heard").textContent = new Date(heard).toLocaleTimeString("sv", { timeStyle: "short" });
    }
    warning.hidden = !stale;
    document.body.classList.toggle("stale", stale);
  }

  function update(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    for (const part of fresh.content.children) {
      const target = document.getElementById(part.id);
      if (!target || shown.get(part.id) === part.innerHTML) continue;
      shown.set(part.id, part.innerHTML);
      replace(target, part.innerHTML);
    }
  }

  // replace keeps the focus and what the viewer had opened.
  function replace(target, html) {
    const focus = target.contains(document.activeElement) ? document.activeElement.id : "";
    const open = Array.from(target.querySelectorAll("details[open]"), (d) => d.id);
    target.innerHTML = html;
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    if (focus) document.getElementById(focus)?.focus();
  }

  function listen() {
    const stream = new EventSource("/events");
    stream.addEventListener("main", (event) => {
      heard = Date.now();
      setStale(false);
      update(event.data);
    });
    stream.addEventListener("beat", (event) => {
      heard = Date.now();
      setStale(false);
      if (event.data !== document.body.dataset.version) location.replace("/");
    });
    stream.addEventListener("error", () => {
      setStale(true);
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, retryAfter);
    });
  }

  const answer = document.getElementById("answer");
  if (answer) {
    history.replaceState(null, "", "/"); // loading again does not decide again
    setTimeout(() => answer.remove(), answerFor);
  }
  setInterval(() => {
    if (Date.now() - heard > silence) setStale(true);
  }, 5000);
  listen();
})();
