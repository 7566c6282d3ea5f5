// Forms with data-checkout open a payment page. Without this script they are plain forms that the server redirects;
// with it the button says that something is happening (data-opening), and a refusal is shown beside it, or that nothing
// answered (data-unreachable).

const PATIENCE_MS = 30_000; // the server gives up on Stripe after 18 s

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-checkout]")) return;
  event.preventDefault();
  const button = event.target.querySelector("button");
  if (!button.disabled) leaveForCheckout(event.target, button);
});

// The way back, from the browser's page cache or not, finds a button that works.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-checkout] button").forEach(release));

async function leaveForCheckout(form, button) {
  const problem = form.querySelector("[role=alert]");
  problem.textContent = "";
  button.dataset.label = button.textContent;
  button.textContent = form.dataset.opening;
  button.disabled = true;
  try {
    window.location.assign(await openCheckout(form));
  } catch (error) {
    problem.textContent = error.shown ?? form.dataset.unreachable;
    release(button);
    if (document.activeElement === document.body) button.focus(); // a disabled button loses the focus
  }
}

/** The payment page's address. The error thrown has `shown`, the server's own words, if it answered with any. */
async function openCheckout(form) {
  const body = form.dataset.checkout === "post" ? new FormData(form) : undefined;
  const response = await fetch(form.action, {
    method: form.dataset.checkout,
    body,
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error.code), { shown: answer.error.message });
  return answer.url;
}

function release(button) {
  button.disabled = false;
  button.textContent = button.dataset.label ?? button.textContent;
}
