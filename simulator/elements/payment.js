// The fields inside the frame. The page that frames them calls by postMessage (stripe.js) and learns nothing of what is
// typed but whether it is complete.
"use strict";

(() => {
  const FIELDS = ["number", "expiry", "cvc"];
  const UNREACHABLE = {
    type: "api_connection_error",
    message: "We are experiencing issues connecting to our payments provider. Please check your connection.",
  };
  // What a page's appearance may change: its name there, and the property of payment.css.
  const VARIABLES = {
    borderRadius: "--radius",
    colorBackground: "--field",
    colorDanger: "--problem",
    colorPrimary: "--accent",
    colorText: "--ink",
    fontFamily: "--font",
  };
  const find = (id) => document.getElementById(id);
  let page = null; // the origin of the page, from its first call on
  let payment = null; // {key, clientSecret}

  const CALLS = {
    async begin({ key, clientSecret, appearance }) {
      payment = { key, clientSecret };
      dress(appearance);
      const { error } = await ask("", "GET", {});
      if (!error) {
        find("payment").hidden = false;
      }
      return error ? { error } : {};
    },

    async dress(appearance) {
      dress(appearance);
      return {};
    },

    async validate() {
      const error = validate();
      return error ? { error } : { selectedPaymentMethod: chosenType() };
    },

    async confirm({ returnUrl, email }) {
      const error = validate();
      if (error) {
        return { error };
      }
      const form = { "payment_method_data[type]": chosenType(), ...(chosenType() === "card" ? card() : bankDebit()) };
      if (email) {
        form["payment_method_data[billing_details][email]"] = email;
      }
      if (returnUrl) {
        form.return_url = returnUrl;
      }
      lock(true);
      const answer = await ask("/confirm", "POST", form);
      lock(false);
      return answer.error ? answer : { paymentIntent: answer };
    },

    async focus() {
      (chosenType() === "card" ? find("number") : find("type-bank")).focus();
      return {};
    },
  };

  async function ask(path, method, form) {
    const address = `/js/payment_intents/${payment.clientSecret.split("_secret_")[0]}${path}`;
    const fields = new URLSearchParams({ key: payment.key, client_secret: payment.clientSecret, ...form });
    try {
      const asked = method === "GET" ? fetch(`${address}?${fields}`) : fetch(address, { method, body: fields });
      return await (await asked).json();
    } catch {
      return { error: UNREACHABLE };
    }
  }

  function chosenType() {
    return document.querySelector("input[name=type]:checked").value;
  }

  function card() {
    const [month, year] = find("expiry").value.split("/").map((part) => part.trim());
    const values = { number: digitsOf("number"), exp_month: month, exp_year: year, cvc: find("cvc").value };
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [`payment_method_data[card][${name}]`, value]),
    );
  }

  function bankDebit() {
    return { "payment_method_data[bank_debit][fails]": find("debit-fails").checked };
  }

  function digitsOf(name) {
    return find(name).value.replace(/\D/g, "");
  }

  // Field -> what is wrong with it, in Stripe's codes and words.
  function problems() {
    if (chosenType() !== "card") {
      return {};
    }
    const wrong = { number: numberProblem(), expiry: expiryProblem(), cvc: cvcProblem() };
    return Object.fromEntries(Object.entries(wrong).filter(([, problem]) => problem));
  }

  function numberProblem() {
    const digits = digitsOf("number");
    if (digits.length < 13) {
      return { code: "incomplete_number", message: "Your card number is incomplete." };
    }
    return passesLuhn(digits) ? null : { code: "invalid_number", message: "Your card number is invalid." };
  }

  function passesLuhn(digits) {
    const weighed = [...digits].reverse().map((digit, place) => Number(digit) * (1 + (place % 2)));
    const sum = weighed.reduce((total, value) => total + (value > 9 ? value - 9 : value), 0);
    return sum % 10 === 0;
  }

  function expiryProblem() {
    const match = /^(0?[1-9]|1[0-2])\s*\/\s*(?:20)?(\d{2})$/.exec(find("expiry").value.trim());
    if (!match) {
      return { code: "incomplete_expiry", message: "Your card's expiration date is incomplete." };
    }
    const today = new Date();
    const months = (2000 + Number(match[2])) * 12 + Number(match[1]) - 1;
    const isPast = months < today.getFullYear() * 12 + today.getMonth();
    return isPast ? { code: "invalid_expiry_year_past", message: "Your card's expiration date is in the past." } : null;
  }

  function cvcProblem() {
    const isComplete = /^\d{3,4}$/.test(find("cvc").value.trim());
    return isComplete ? null : { code: "incomplete_cvc", message: "Your card's security code is incomplete." };
  }

  // Shows what is wrong; answers the first of it as Stripe's error.
  function validate() {
    const wrong = problems();
    FIELDS.forEach((name) => show(name, wrong[name]));
    const [first] = FIELDS.filter((name) => wrong[name]);
    if (!first) {
      return null;
    }
    find(first).focus();
    return { type: "validation_error", ...wrong[first] };
  }

  function show(name, problem) {
    find(`${name}-problem`).textContent = problem?.message ?? "";
    if (problem) {
      find(name).setAttribute("aria-invalid", "true");
    } else {
      find(name).removeAttribute("aria-invalid");
    }
  }

  function lock(isLocked) {
    find("payment").querySelectorAll("input").forEach((input) => {
      input.disabled = isLocked;
    });
  }

  function dress({ theme, variables = {} }) {
    document.documentElement.dataset.theme = theme ?? "stripe";
    Object.entries(variables)
      .filter(([name]) => name in VARIABLES)
      .forEach(([name, value]) => document.documentElement.style.setProperty(VARIABLES[name], value));
  }

  // 4242 4242 and 12 / 40 as they are typed; only at the end, so that the caret never jumps.
  function group(input) {
    if (input.selectionStart !== input.value.length) {
      return;
    }
    if (input.id === "number") {
      input.value = digitsOf("number").replace(/(\d{4})(?=\d)/g, "$1 ");
    } else if (input.id === "expiry" && /^\d{3,4}$/.test(input.value)) {
      input.value = `${input.value.slice(0, 2)} / ${input.value.slice(2)}`;
    }
  }

  function say(message) {
    window.parent.postMessage(message, page);
  }

  find("payment").addEventListener("input", ({ target }) => {
    if (FIELDS.includes(target.id)) {
      group(target);
      show(target.id, null);
    }
    const type = chosenType();
    find("card").hidden = type !== "card";
    find("bank_debit").hidden = type === "card";
    const isEmpty = type === "card" && FIELDS.every((name) => !find(name).value);
    const isComplete = Object.keys(problems()).length === 0;
    say({ change: { collapsed: false, complete: isComplete, empty: isEmpty, value: { type } } });
  });

  window.addEventListener("message", async ({ data, origin, source }) => {
    if (source !== window.parent || (page && origin !== page) || !Object.hasOwn(CALLS, data.call)) {
      return;
    }
    if (!page) {
      page = origin;
      new ResizeObserver(() => say({ height: document.body.offsetHeight })).observe(document.body);
    }
    say({ answers: data.number, result: await CALLS[data.call](data.parameters) });
  });
})();
