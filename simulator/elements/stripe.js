// The stand-in Stripe.js, for the shop's page: the part of docs.stripe.com/js that takes a payment with the Payment
// Element. Card data is typed into a frame of the simulator's own origin (payment.js) and never reaches the page; the
// two talk by postMessage. The page's policy needs this origin in script-src, frame-src and connect-src, nothing more.
"use strict";

(() => {
  const ORIGIN = new URL(document.currentScript.src).origin;
  const PATIENCE_MS = 15000;
  const UNREACHABLE = {
    type: "api_connection_error",
    message: "We are experiencing issues connecting to our payments provider. Please check your connection.",
  };
  let frames = 0;

  class IntegrationError extends Error {
    name = "IntegrationError";
  }

  // The Payment Element on the page: a frame, and the calls that it answers.
  class PaymentElement {
    #settings;
    #listeners = [];
    #waiting = new Map();
    #calls = 0;
    #frame = null;

    constructor(settings) {
      this.#settings = settings;
    }

    mount(target) {
      const place = typeof target === "string" ? document.querySelector(target) : target;
      if (!place) {
        throw new IntegrationError(`The selector you specified (${target}) applies to no DOM elements.`);
      }
      this.unmount();
      this.#frame = this.#makeFrame();
      window.addEventListener("message", this.#receive);
      place.replaceChildren(this.#frame);
    }

    unmount() {
      window.removeEventListener("message", this.#receive);
      this.#frame?.remove();
      this.#frame = null;
      this.#waiting.forEach((answer) => answer({ error: { type: "invalid_request_error", message: "The Element was unmounted." } }));
      this.#waiting.clear();
    }

    destroy() {
      this.unmount();
      this.#listeners = [];
    }

    on(event, listener) {
      this.#listeners.push({ event, listener });
      return this;
    }

    once(event, listener) {
      const first = (value) => {
        this.off(event, first);
        listener(value);
      };
      return this.on(event, first);
    }

    off(event, listener) {
      this.#listeners = this.#listeners.filter(
        (known) => known.event !== event || (listener !== undefined && known.listener !== listener),
      );
      return this;
    }

    focus() {
      this.call("focus");
    }

    // Answers what the frame answers: {error} or what was asked for.
    call(name, parameters = {}) {
      if (!this.#frame) {
        throw new IntegrationError("The Payment Element is not mounted.");
      }
      this.#calls += 1;
      const message = { call: name, number: this.#calls, parameters };
      this.#frame.contentWindow.postMessage(message, ORIGIN);
      return new Promise((resolve) => this.#waiting.set(message.number, resolve));
    }

    #makeFrame() {
      const frame = document.createElement("iframe");
      frames += 1;
      frame.name = `__privateStripeFrame${frames}`;
      frame.title = "Secure payment input frame";
      frame.src = `${ORIGIN}/js/elements/payment`;
      Object.assign(frame.style, { border: "0", colorScheme: "light", display: "block", height: "0", width: "100%" });
      frame.addEventListener("load", () => this.#begin());
      return frame;
    }

    async #begin() {
      const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, { error: UNREACHABLE }));
      const { error } = await Promise.race([this.call("begin", this.#settings), late]);
      if (error) {
        this.#tell("loaderror", { error });
      } else {
        this.#tell("ready", {});
      }
    }

    #receive = (message) => {
      if (message.origin !== ORIGIN || message.source !== this.#frame?.contentWindow) {
        return;
      }
      const { answers, result, height, change } = message.data;
      if (answers) {
        this.#waiting.get(answers)?.(result);
        this.#waiting.delete(answers);
      } else if (height) {
        this.#frame.style.height = `${height}px`;
      } else if (change) {
        this.#tell("change", change);
      }
    };

    #tell(event, value) {
      const told = { elementType: "payment", ...value };
      this.#listeners.filter((known) => known.event === event).forEach(({ listener }) => listener(told));
    }
  }

  class Elements {
    #settings;
    #payment = null;

    constructor(settings) {
      this.#settings = settings;
    }

    create(type) {
      if (type !== "payment") {
        throw new IntegrationError(`The simulator has no Element of type ${type}, only payment.`);
      }
      if (this.#payment) {
        throw new IntegrationError("Can only create one Element of type payment through elements.");
      }
      this.#payment = new PaymentElement(this.#settings);
      return this.#payment;
    }

    getElement(type) {
      return type === "payment" ? this.#payment : null;
    }

    // Of what Stripe lets change once the fields are shown, the appearance alone.
    update({ appearance = {} } = {}) {
      this.#settings.appearance = appearance;
      this.call("dress", appearance);
    }

    // Shows the shopper what is missing; answers {error} or {selectedPaymentMethod}.
    submit() {
      return this.call("validate");
    }

    call(name, parameters) {
      if (!this.#payment) {
        throw new IntegrationError("Create and mount a Payment Element first.");
      }
      return this.#payment.call(name, parameters);
    }
  }

  class StripeClient {
    #key;

    constructor(key) {
      this.#key = key;
    }

    elements({ clientSecret, appearance = {}, locale = "auto" } = {}) {
      checkSecret(clientSecret);
      return new Elements({ key: this.#key, clientSecret, appearance, locale });
    }

    // Answers {error}, or {paymentIntent} with redirect "if_required"; else the shopper leaves the page.
    async confirmPayment({ elements, confirmParams = {}, redirect = "always" } = {}) {
      if (!(elements instanceof Elements)) {
        throw new IntegrationError("stripe.confirmPayment(): expected the elements object of stripe.elements().");
      }
      const returnUrl = confirmParams.return_url;
      if (redirect !== "if_required" && !returnUrl) {
        throw new IntegrationError("stripe.confirmPayment(): `confirmParams.return_url` is required.");
      }
      if (returnUrl && !/^https?:\/\//.test(returnUrl)) {
        throw new IntegrationError("stripe.confirmPayment(): `return_url` has to be an absolute URL.");
      }
      const email = confirmParams.payment_method_data?.billing_details?.email ?? "";
      const { error, paymentIntent } = await elements.call("confirm", { returnUrl, email });
      if (error) {
        return { error };
      }
      if (paymentIntent.next_action) {
        return leaveFor(paymentIntent.next_action.redirect_to_url.url);
      }
      return redirect === "if_required" ? { paymentIntent } : leaveFor(returnAddress(returnUrl, paymentIntent));
    }

    async retrievePaymentIntent(clientSecret) {
      checkSecret(clientSecret);
      const query = new URLSearchParams({ key: this.#key, client_secret: clientSecret });
      const intent = clientSecret.split("_secret_")[0];
      try {
        const answer = await fetch(`${ORIGIN}/js/payment_intents/${intent}?${query}`, { credentials: "omit" });
        const value = await answer.json();
        return answer.ok ? { paymentIntent: value } : value;
      } catch {
        return { error: UNREACHABLE };
      }
    }
  }

  function checkSecret(clientSecret) {
    if (!/^pi_\w+_secret_\w+$/.test(clientSecret ?? "")) {
      throw new IntegrationError(`Invalid value for clientSecret: it should be of the form \${id}_secret_\${secret}.`);
    }
  }

  function returnAddress(returnUrl, intent) {
    const address = new URL(returnUrl);
    const redirectStatus = { succeeded: "succeeded", processing: "pending" }[intent.status] ?? "failed";
    address.searchParams.append("payment_intent", intent.id);
    address.searchParams.append("payment_intent_client_secret", intent.client_secret);
    address.searchParams.append("redirect_status", redirectStatus);
    return address.href;
  }

  // The page is on its way out: what waits for the answer waits for ever, as with the real one.
  function leaveFor(address) {
    window.location.assign(address);
    return new Promise(() => {});
  }

  window.Stripe = (key) => {
    if (!/^pk_(test|live)_\w+$/.test(key ?? "")) {
      throw new IntegrationError("Please call Stripe() with your publishable key, pk_test_...");
    }
    return new StripeClient(key);
  };
  window.Stripe.version = "simulated";
})();
