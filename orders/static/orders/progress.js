// Watches an order that is not settled yet, and shows the page anew, without reloading it, once something has changed.

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
const PATIENCE_MS = 10_000;
// From this wait on the page itself is asked for too, where it tells the shopper to wait: what it says may change
// although state and payment don't, by a decline or as time goes by.
const SLOW_MS = 2_000;
const GONE = 404;
// What the way back from paying adds to the address: orders/views/requests.py, and Stripe.js.
const RETURN = ["returned", "redirect_status", "payment_intent", "payment_intent_client_secret"];

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
  if (response.status === GONE) window.location.reload(); // the signed link is over
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}

async function look() {
  try {
    const { statusUrl, state, payment } = shownOrder().dataset;
    const now = await (await read(statusUrl, "application/json")).json();
    const hasChanged = now.state !== state || now.payment !== payment;
    const mayHaveChanged = shownOrder().hasAttribute("data-waiting") && wait >= SLOW_MS;
    if ((hasChanged || mayHaveChanged) && !isLeaving()) {
      const page = await readPage();
      if (hasChanged || said(page) !== said(document)) show(page);
    }
    showConnection(true);
  } catch {
    showConnection(false);
  }
}

// The payment that the shopper comes back from has been heard of: from now on the order alone tells how it stands.
function forgetReturn() {
  if (shownOrder().dataset.payment !== "processing") return;
  const address = new URL(window.location.href);
  RETURN.forEach((name) => address.searchParams.delete(name));
  window.history.replaceState(window.history.state, "", address);
}

async function readPage() {
  const html = await (await read(window.location.href, "text/html")).text();
  return new DOMParser().parseFromString(html, "text/html");
}

// What stands in <noscript> is text where scripts run, and elements where they don't.
const said = (page) => [...page.querySelectorAll(".status > :not(noscript)")].map((one) => one.textContent).join();

function show(page) {
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
  forgetReturn();
  if (isFinal() || document.hidden) return;
  wait = next;
  timer = setTimeout(keepLooking, wait);
}

document.addEventListener("visibilitychange", () => schedule(FIRST_WAIT_MS));
window.addEventListener("pageshow", () => schedule(FIRST_WAIT_MS));
