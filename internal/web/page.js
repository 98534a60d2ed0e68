"use strict";

// Keeps the page true without loading it again. Each section is replaced only
// when it changed, so that a finger on its way to a button finds it.
(() => {
  const quiet = 40000; // ms without a beat: the page may be old
  const again = 10000; // ms until a stream that was refused is tried again
  const readable = 60000; // ms that the answer to a decision stays
  const warning = document.getElementById("lost");
  const shown = new Map();
  for (const part of document.querySelectorAll("main > section")) {
    shown.set(part.id, part.innerHTML);
  }
  let heard = Date.now();

  function old(is) {
    warning.hidden = !is;
    document.body.classList.toggle("old", is);
  }

  function take(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    for (const part of fresh.content.children) {
      const target = document.getElementById(part.id);
      if (!target || shown.get(part.id) === part.innerHTML) continue;
      shown.set(part.id, part.innerHTML);
      replace(target, part.innerHTML);
    }
  }

  // replace keeps the focus and what the reader had opened.
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
    const live = new EventSource("/events");
    live.addEventListener("main", (event) => {
      heard = Date.now();
      old(false);
      take(event.data);
    });
    live.addEventListener("beat", (event) => {
      heard = Date.now();
      old(false);
      if (event.data !== document.body.dataset.version) location.replace("/");
    });
    live.addEventListener("error", () => {
      old(true);
      if (live.readyState === EventSource.CLOSED) setTimeout(listen, again);
    });
  }

  const answer = document.getElementById("answer");
  if (answer) {
    history.replaceState(null, "", "/"); // loading again does not decide again
    setTimeout(() => answer.remove(), readable);
  }
  setInterval(() => {
    if (Date.now() - heard > quiet) old(true);
  }, 5000);
  listen();
})();
