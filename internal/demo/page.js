"use strict";

// Makes the page live and its buttons real: down is down for as long as a finger
// keeps them there. Without it every form still does its work, one load at a time.
(() => {
  const answer = document.getElementById("answer");
  const shown = new Map();
  let turn = Promise.resolve(); // what hands do arrives in the order of doing

  function post(path, values) {
    turn = turn
      .then(() => fetch(path, { method: "POST", body: new URLSearchParams(values), redirect: "manual", keepalive: true }))
      .then((reply) => (reply.type === "opaqueredirect" || reply.ok ? "" : reply.text()))
      .then((said) => { answer.textContent = said; })
      .catch(() => { answer.textContent = "The demo has ended."; });
  }

  const screen = document.getElementById("screen");
  if (screen) {
    new ResizeObserver(() => {
      const scale = screen.parentElement.clientWidth / screen.offsetWidth;
      screen.style.transform = `scale(${scale})`;
      screen.style.marginBottom = `${(scale - 1) * screen.offsetHeight}px`;
    }).observe(screen.parentElement);
  }

  document.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.dataset.button) return; // its own way, below
    post(event.target.getAttribute("action"), [...new FormData(event.target, event.submitter)]);
    if (event.target.classList.contains("typed")) event.target.reset();
  });

  for (const button of document.querySelectorAll("[data-button]")) {
    const move = (down) => {
      if (button.classList.contains("down") === down) return;
      button.classList.toggle("down", down);
      post(down ? "/press" : "/release", { button: button.dataset.button });
    };
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      move(true);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
      button.addEventListener(end, () => move(false));
    }
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("keydown", (event) => {
      if ((event.key === " " || event.key === "Enter") && !event.repeat) move(true);
    });
    button.addEventListener("keyup", (event) => {
      if (event.key === " " || event.key === "Enter") move(false);
    });
    window.addEventListener("pagehide", () => move(false));
  }

  const live = new EventSource("/events");
  live.addEventListener("lamps", (event) => {
    const lit = event.data.split(" ");
    for (const lamp of document.querySelectorAll("[data-pin]")) {
      lamp.classList.toggle("lit", lit.includes(lamp.dataset.pin));
    }
  });
  live.addEventListener("live", (event) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = event.data;
    for (const part of fresh.content.children) {
      if (shown.get(part.id) === part.innerHTML) continue;
      shown.set(part.id, part.innerHTML);
      replace(document.getElementById(part.id), part.innerHTML);
    }
  });
  live.addEventListener("open", () => { answer.textContent = ""; });
  live.addEventListener("error", () => { answer.textContent = "The demo has ended."; });

  // replace keeps the focus where it was, by name and value of the button.
  function replace(target, html) {
    const held = document.activeElement;
    const name = target.contains(held) ? held.name : "";
    target.innerHTML = html;
    if (name) target.querySelector(`button[name="${name}"]`)?.focus();
  }
})();
