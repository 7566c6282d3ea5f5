// Watches an order that is not settled yet, and shows the page anew, without reloading it, once something has changed.

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
const PATIENCE_MS = 10_000;

const announcer = document.createElement("p");
announcer.className = "announcer";
announcer.setAttribute("role", "status");
document.body.append(announcer);

let wait = FIRST_WAIT_MS;
let timer;

const shownOrder = () => document.querySelector("[data-order]");
const isFinal = () => shownOrder().hasAttribute("data-final");
// The shopper has pressed the button and is on the way to the payment page (checkout.js).
const isLeaving = () => document.querySelector("main button:disabled") !== null;

async function read(url, accept) {
  const response = await fetch(url, { headers: { Accept: accept }, signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}

async function look() {
  try {
    const { statusUrl, state, payment } = shownOrder().dataset;
    const now = await (await read(statusUrl, "application/json")).json();
    if ((now.state !== state || now.payment !== payment) && !isLeaving()) await showAnew();
    showConnection(true);
  } catch {
    showConnection(false);
  }
}

async function showAnew() {
  const html = await (await read(window.location.href, "text/html")).text();
  const page = new DOMParser().parseFromString(html, "text/html");
  const main = document.querySelector("main");
  const hadFocus = main.contains(document.activeElement);
  main.replaceChildren(...page.querySelector("main").childNodes);
  document.title = page.title;
  const title = main.querySelector("#status");
  if (hadFocus) title.focus();
  announcer.textContent = `${title.textContent.trim()}. ${title.nextElementSibling.textContent}`;
}

function showConnection(works) {
  const notice = document.querySelector(".connection");
  if (notice) notice.hidden = works;
}

async function keepLooking() {
  await look();
  schedule(Math.min(wait * 1.5, LONGEST_WAIT_MS));
}

function schedule(next) {
  clearTimeout(timer);
  if (isFinal() || document.hidden) return;
  wait = next;
  timer = setTimeout(keepLooking, wait);
}

document.addEventListener("visibilitychange", () => schedule(FIRST_WAIT_MS));
window.addEventListener("pageshow", () => schedule(FIRST_WAIT_MS));
