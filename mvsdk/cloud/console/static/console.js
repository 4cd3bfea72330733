// The console's live parts. Without this script everything still works, after loading a page again.
"use strict";

const LINES_MOST = 5000;

function watchDevices() {
  const places = document.querySelectorAll("[data-device]");
  if (places.length === 0) return;
  new EventSource("/console/events").onmessage = (event) => {
    const devices = new Map(JSON.parse(event.data).map((device) => [device.sid, device]));
    for (const place of places) {
      const device = devices.get(place.dataset.device);
      if (device) show(place, device);
    }
  };
}

function show(place, device) {
  const what = place.dataset.shows;
  if (what === "presence") {
    place.textContent = device.connected ? "online" : "offline";
    place.className = `badge ${device.connected ? "on" : "off"}`;
  } else if (what === "update") {
    place.textContent = device.update;
    place.className = `badge ${device.update}`;
  } else {
    place.textContent = device[what] || "–";
  }
}

function watchLog() {
  const log = document.getElementById("log");
  if (!log) return;
  const search = document.getElementById("search");
  const pause = document.getElementById("pause");
  const waiting = [];
  let paused = false;

  const matches = (line) => line.textContent.toLowerCase().includes(search.value.toLowerCase());
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const toEnd = () => { log.scrollTop = log.scrollHeight; };

  function append(lines) {
    const follows = atEnd();
    for (const line of lines) {
      line.hidden = !matches(line);
      log.append(line);
    }
    while (log.children.length > LINES_MOST) log.firstElementChild.remove();
    if (follows) toEnd();
  }

  function arrived(event) {
    const line = lineOf(event.type, JSON.parse(event.data));
    if (!paused) append([line]);
    else {
      waiting.push(line);
      if (waiting.length > LINES_MOST) waiting.shift();
      pause.textContent = `Go on (${waiting.length} new)`;
    }
  }

  const stream = new EventSource(log.dataset.stream);
  for (const kind of ["log", "start", "crash", "gap"]) stream.addEventListener(kind, arrived);
  search.addEventListener("input", () => {
    for (const line of log.children) line.hidden = !matches(line);
  });
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) append(waiting.splice(0));
  });
  toEnd();
}

function lineOf(kind, record) {
  const line = document.createElement("li");
  const text = document.createElement("span");
  line.className = kind;
  if (kind === "gap") {
    text.textContent = `… ${record.missing ?? record.text} records are gone`;
  } else {
    const time = document.createElement("time");
    time.textContent = new Date(record.time_us / 1000).toISOString().slice(0, 19).replace("T", " ") + " ";
    text.textContent = record.text;
    line.append(time);
  }
  line.append(text);
  return line;
}

function watchRollouts() {
  const cards = new Map([...document.querySelectorAll("[data-rollout]")].map((card) => [card.dataset.rollout, card]));
  if (cards.size === 0) return;
  new EventSource("/console/rollouts").onmessage = (event) => {
    for (const rollout of JSON.parse(event.data)) {
      const card = cards.get(rollout.sid);
      if (card) showRollout(card, rollout);
    }
  };
}

function showRollout(card, rollout) {
  const badge = card.querySelector(".badge");
  badge.textContent = rollout.state;
  badge.className = `badge ${rollout.state}`;
  card.querySelector(".reason").textContent = rollout.reason;
  for (const form of card.querySelectorAll("[data-when]")) {
    form.hidden = !form.dataset.when.split(" ").includes(rollout.state);
  }
  card.querySelectorAll(".stages li").forEach((place, number) => {
    const stage = rollout.stages[number];
    const bar = place.querySelector(".bar");
    bar.setAttribute("aria-label", stage.text);
    let from = 0;
    for (const part of ["good", "bad", "wait"]) {
      const piece = bar.querySelector(`.${part}`);
      piece.setAttribute("x", from);
      piece.setAttribute("width", stage[part]);
      from += stage[part];
    }
    place.querySelector(".text").textContent = stage.text;
  });
}

function offerCopies() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
      button.textContent = "Copied";
    });
  }
}

watchDevices();
offerCopies();
watchRollouts();
watchLog();
