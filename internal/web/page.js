"use strict";

// Keeps the page up to date without loading it again. Each section is replaced only
// when it changed, so that a button stays where a finger is about to press it.
(() => {
  const silence = 40000; // ms without an event: the page may be out of date
  const retryAfter = 5000; // ms until a stream that was refused is tried again
  const answerFor = 60000; // ms that the answer to a decision stays
  const lost = document.getElementById("lost");
  const shown = new Map();
  for (const part of document.querySelectorAll("main section")) {
    shown.set(part.id, part.innerHTML);
  }
  let heard = Date.now();

  // setLost says whether the station has fallen silent, and of when the page is.
  function setLost(silent) {
    if (silent && lost.hidden) {
      document.getElementById("heard").textContent = new Date(heard).toLocaleTimeString("sv", { timeStyle: "short" });
    }
    lost.hidden = !silent;
    document.getElementById("main").inert = silent;
  }

  function update(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    for (const part of fresh.content.querySelectorAll("section")) {
      const target = document.getElementById(part.id);
      if (!target || part.id === "sound" || shown.get(part.id) === part.innerHTML) continue;
      shown.set(part.id, part.innerHTML);
      replace(target, part.innerHTML);
      if (part.id === "headline") sound.ring();
    }
  }

  // replace keeps the focus and what the viewer had opened.
  function replace(target, html) {
    const focus = target.contains(document.activeElement) ? document.activeElement.closest("[id]")?.id : "";
    const open = Array.from(target.querySelectorAll("details[open]"), (d) => d.id);
    target.innerHTML = html;
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    if (focus) {
      const again = document.getElementById(focus);
      (again?.querySelector("summary, a, button") ?? again)?.focus();
    }
  }

  function listen() {
    const stream = new EventSource("/events");
    stream.addEventListener("main", (event) => {
      heard = Date.now();
      setLost(false);
      update(event.data);
    });
    stream.addEventListener("beat", (event) => {
      heard = Date.now();
      setLost(false);
      if (event.data !== document.body.dataset.version) location.replace("/");
    });
    stream.addEventListener("error", () => {
      setLost(true);
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, retryAfter);
    });
  }

  // sound is off until somebody switches it on; a browser makes none before the first touch.
  const sound = (() => {
    const on = document.getElementById("sound-on");
    let context;
    let rung = document.querySelector(".card")?.dataset.alarm ?? "";
    let wanted = false;
    try {
      wanted = localStorage.getItem("sound") === "on";
    } catch {} // a browser that keeps nothing
    const show = () => on.setAttribute("aria-pressed", String(wanted));

    // beep makes a short high tone, and a long low one.
    function beep() {
      context ??= new AudioContext();
      context.resume();
      const tone = context.createOscillator();
      const volume = context.createGain();
      const at = context.currentTime;
      tone.frequency.setValueAtTime(880, at);
      tone.frequency.setValueAtTime(587, at + 0.2);
      volume.gain.setValueAtTime(0.4, at);
      volume.gain.setTargetAtTime(0, at + 0.6, 0.05);
      tone.connect(volume).connect(context.destination);
      tone.start(at);
      tone.stop(at + 1);
    }
    on.addEventListener("click", () => {
      wanted = !wanted;
      try {
        localStorage.setItem("sound", wanted ? "on" : "off");
      } catch {}
      show();
      if (wanted) beep();
    });
    document.getElementById("sound-test").addEventListener("click", beep);
    show();
    return {
      ring() {
        const alarm = document.querySelector(".card")?.dataset.alarm ?? "";
        if (alarm && alarm !== rung && wanted) beep();
        rung = alarm;
      },
    };
  })();

  const answer = document.getElementById("answer");
  if (answer) {
    history.replaceState(null, "", "/"); // loading again does not decide again
    setTimeout(() => answer.remove(), answerFor);
  }
  setInterval(() => {
    if (Date.now() - heard > silence) setLost(true);
  }, 5000);
  listen();
})();
