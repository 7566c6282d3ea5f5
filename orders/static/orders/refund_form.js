// The first sentence of a refund's form says what the form would do, while it is being filled in.
document.addEventListener("alpine:init", () => {
  Alpine.data("refund", (form) => ({
    ...JSON.parse(form.dataset.figures),
    init() {
      this.$watch("payment", (chosen) => { this.amount = this.payments[chosen].left; });
    },
    get currency() {
      return this.payments[this.payment].currency;
    },
    get sum() {
      if (this.how !== "lines") return this.amount.trim() || "…";
      const parts = Object.entries(this.written).map(([item, { units, part }]) =>
        Number(part) || Number(this.prices[item][Number(units)] ?? NaN));
      const sum = parts.reduce((total, part) => total + part, 0);
      return sum ? sum.toFixed(this.payments[this.payment].decimals) : "…";
    },
  }));
});
