// The Payment Element: the card's details go from Stripe's frame to Stripe, never to this shop.
// Source: docs.stripe.com/payments/accept-a-payment (elements, confirmPayment).

const form = document.querySelector("form[data-pay]");
const button = form.querySelector("button");
const problem = form.querySelector("[role=alert]");
const email = form.querySelector("#email");
const place = document.querySelector("#payment-element");
const label = button.textContent;

const PATIENCE_MS = 30_000;
const dark = window.matchMedia("(prefers-color-scheme: dark)");

let stripe;
let elements;

try {
  await show();
} catch (error) {
  for (const part of [email.parentElement, place, button]) part.hidden = true;
  problem.textContent = error.shown ?? form.dataset.failed;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (button.disabled) return;
  problem.textContent = "";
  wait(true);
  // Comes back only with an error; otherwise the browser is on its way to the order's page.
  const { error } = await confirm();
  problem.textContent = error.message ?? form.dataset.failed;
  wait(false);
});

async function show() {
  const { client_secret: clientSecret, publishable_key: key } = await openIntent();
  stripe = window.Stripe(key, { locale: form.dataset.locale });
  elements = stripe.elements({ clientSecret, appearance: appearance() });
  const element = elements.create("payment", { fields: { billingDetails: { email: "never" } } });
  await new Promise((ready, failed) => {
    element.on("ready", ready);
    element.on("loaderror", () => failed(new Error("loaderror")));
    place.replaceChildren();
    element.mount(place);
  });
  place.removeAttribute("aria-busy");
  dark.addEventListener("change", () => elements.update({ appearance: appearance() }));
  wait(false);
}

/** The shop's colors for the fields in Stripe's frame. Source: docs.stripe.com/elements/appearance-api. */
function appearance() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  return {
    theme: dark.matches ? "night" : "stripe",
    variables: {
      borderRadius: "10px",
      colorBackground: color("--surface"),
      colorDanger: color("--problem"),
      colorPrimary: color("--accent"),
      colorText: color("--ink"),
    },
  };
}

/**
 * The address is Stripe's to keep, and to give back to the shop with the payment.
 * Source: docs.stripe.com/payments/payment-element/control-billing-details-collection.
 */
async function confirm() {
  const payer = { billing_details: { email: email.value } };
  const confirmParams = { return_url: form.dataset.returnUrl, payment_method_data: payer };
  try {
    return await stripe.confirmPayment({ elements, confirmParams });
  } catch (error) {
    return { error };
  }
}

/** `{client_secret, publishable_key}`; the error thrown has `shown`, the server's own words, if it answered. */
async function openIntent() {
  const response = await fetch(form.action, {
    method: "POST",
    body: new FormData(form),
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error.code), { shown: answer.error.message });
  return answer;
}

function wait(waiting) {
  button.disabled = waiting;
  button.textContent = waiting && elements ? form.dataset.paying : label;
}
