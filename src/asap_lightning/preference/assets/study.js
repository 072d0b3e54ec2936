"use strict";
// One session: shows a trial, sends the choice, and goes on once the server has saved it.

const BLANK = 300; // milliseconds between two trials, so that a new pair is seen as new
const FEEDBACK = 1400;
const at = (id) => document.getElementById(id);
const choices = () => [...document.querySelectorAll(".choice")];
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const pictures = new Map(); // address -> decoded image, of this trial and the next

let state, shownAt = 0, ready = false;

function picture(address) {
  if (!pictures.has(address)) {
    const image = new Image();
    image.src = address;
    pictures.set(address, image.decode().then(() => image));
  }
  return pictures.get(address);
}

function preload(trial) {
  for (const place of trial ? trial.places : []) {
    picture(`${trial.position}/${place}`).catch(() => pictures.delete(`${trial.position}/${place}`));
  }
}

async function persistently(send) {
  for (let pause = 500; ; pause = Math.min(2 * pause, 8000)) {
    try {
      const answer = await send();
      if (answer.status < 500) return answer;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // anything but an unreachable server
    }
    mark("No connection: your answer is not lost, trying again", "bad");
    await wait(pause);
  }
}

async function load() {
  const answer = await persistently(() => fetch("state", { cache: "no-store" }));
  if (!answer.ok) throw new Error(`the study answered ${answer.status}`);
  state = await answer.json();
}

function mark(text, kind = "") {
  at("mark").textContent = text;
  at("mark").className = `mark ${kind}`;
}

function show(part) {
  for (const id of ["before", "trial", "after"]) at(id).hidden = id !== part;
}

async function place(trial) {
  for (const name of trial.places) {
    const shown = at(name).querySelector("img");
    let image;
    for (let pause = 500; !image; pause = Math.min(2 * pause, 8000)) {
      try {
        image = await picture(`${trial.position}/${name}`);
      } catch {
        pictures.delete(`${trial.position}/${name}`);
        mark("No connection: trying again", "bad");
        await wait(pause);
      }
    }
    shown.src = image.src;
    await shown.decode();
  }
}

async function next() {
  ready = false;
  const trial = state.trial;
  if (!trial) {
    at("code").textContent = state.code;
    document.body.dataset.state = "finished";
    return show("after");
  }
  at("progress").max = state.total;
  at("progress").value = state.answered;
  at("count").textContent = `${state.answered + 1} of ${state.total}${trial.practice ? " (practice)" : ""}`;
  at("stage").classList.toggle("given", trial.places.includes("condition"));
  at("condition").hidden = !trial.places.includes("condition");
  at("stage").classList.add("hidden");
  for (const choice of choices()) {
    choice.classList.remove("chosen", "right-one", "hidden");
    choice.disabled = true;
  }
  document.activeElement?.blur();
  show("trial");
  await Promise.all([place(trial), wait(BLANK)]);
  mark("");
  at("stage").classList.remove("hidden");
  shownAt = performance.now();
  preload(state.next);
  if (state.seconds > 0) {
    mark("look");
    await wait(1000 * state.seconds);
    choices().forEach((choice) => choice.classList.add("hidden"));
    mark("choose");
    shownAt = performance.now();
  }
  choices().forEach((choice) => { choice.disabled = false; });
  document.body.dataset.state = `trial ${trial.position}`;
  ready = true;
}

async function choose(side) {
  if (!ready) return;
  ready = false;
  const trial = state.trial;
  const body = JSON.stringify({ choice: side, milliseconds: Math.round(performance.now() - shownAt) });
  for (const choice of choices()) {
    choice.disabled = true;
    choice.classList.toggle("chosen", choice.dataset.side === side);
  }
  const headers = { "Content-Type": "application/json" };
  const answer = await persistently(() => fetch(`${trial.position}`, { method: "POST", headers, body }));
  if (answer.ok) {
    const saved = await answer.json();
    state = saved.state;
    if (trial.practice && saved.expected) await teach(side, saved.expected);
  } else {
    await load(); // answered in another window
  }
  for (const place of trial.places) pictures.delete(`${trial.position}/${place}`);
  await next();
}

async function teach(side, expected) {
  const right = side === expected;
  for (const choice of choices()) {
    choice.classList.remove("hidden");
    choice.classList.toggle("right-one", choice.dataset.side === expected);
  }
  mark(right ? "✓ right" : "✗ it was the other one", right ? "good" : "bad");
  await wait(FEEDBACK);
}

function explain() {
  document.title = state.title;
  document.querySelector(".title").textContent = state.title;
  document.querySelectorAll(".question").forEach((element) => { element.textContent = state.question; });
  at("is-given").hidden = !state.trial.places.includes("condition");
  at("is-timed").hidden = !(state.seconds > 0);
  at("seconds").textContent = state.seconds === 1 ? "1 second" : `${state.seconds} seconds`;
  at("is-practice").hidden = state.practice === 0 || state.answered >= state.practice;
  at("practice").textContent = state.practice;
  at("is-resumed").textContent = state.answered
    ? `You have answered ${state.answered} of ${state.total} pairs.`
    : `There are ${state.total} pairs.`;
  at("explained").hidden = false;
  at("begin").addEventListener("click", next, { once: true });
  at("begin").focus();
  preload(state.trial);
  document.body.dataset.state = "before";
}

document.addEventListener("keydown", (event) => {
  const side = { ArrowLeft: "left", ArrowUp: "left", ArrowRight: "right", ArrowDown: "right" }[event.key];
  if (!side || at("trial").hidden || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  choose(side);
});
for (const choice of choices()) choice.addEventListener("click", () => choose(choice.dataset.side));

load().then(() => (state.trial ? explain() : next())).catch((error) => {
  const text = document.createElement("p");
  text.textContent = `This page cannot go on (${error.message}). Please reload it.`;
  at("before").append(text);
});
