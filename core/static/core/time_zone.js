// Tells the server this browser's time zone, and shows the page again where it was told of another one before.
{
  const zone = encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
  const told = document.cookie.split("; ").includes(`time_zone=${zone}`);
  if (!told) {
    document.cookie = `time_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
    // Where cookies are off, the second time would be like the first.
    const isKept = document.cookie.split("; ").includes(`time_zone=${zone}`);
    if (isKept && zone !== "UTC" && document.querySelector("time")) location.reload();
  }
}
