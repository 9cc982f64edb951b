// What the browser gate asks of a page; see browser.py.
window.gate = {
  async settle() {
    await document.fonts.ready;
    await window.MathJax?.startup?.promise;
  },

  // Until what was clicked open has faded in: axe measures contrast as it stands.
  async still() {
    const ends = a => Number.isFinite(a.effect.getComputedTiming().endTime);
    await Promise.allSettled(document.getAnimations().filter(ends).map(a => a.finished));
  },

  // The number of equations set, and every place where TeX stayed raw or was refused.
  math() {
    const refused = [...document.querySelectorAll(".math")].filter(e => !e.querySelector("mjx-container"));
    refused.push(...document.querySelectorAll("mjx-merror"));
    const shown = document.createTreeWalker(document.querySelector("article") ?? document.body, NodeFilter.SHOW_TEXT);
    const tex = /\\[()[\]]|\\[a-zA-Z]{2,}|\$\$|\$[^$\s](?:[^$\n]*[^$\s])?\$(?!\d)/;
    for (let text; (text = shown.nextNode()); )
      if (tex.test(text.data) && !text.parentElement.closest("pre, code, script, style, .math")) refused.push(text);
    const say = e => (e.textContent || e.closest("mjx-container").outerHTML).trim().slice(0, 80);
    return [document.querySelectorAll("mjx-container").length, refused.map(say)];
  },

  // The innermost elements that make the page wider than the window.
  wide() {
    const room = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= room) return [];
    const scrolls = e => getComputedStyle(e).overflowX !== "visible";
    const wide = e => e.getBoundingClientRect().left + (scrolls(e) ? e.offsetWidth : e.scrollWidth) > room + 1;
    const held = e => e !== document.body && (scrolls(e) || held(e.parentElement));
    return [...document.body.querySelectorAll("*")]
      .filter(e => wide(e) && !held(e.parentElement) && ![...e.children].some(wide))
      .concat(document.body)
      .map(e => e.outerHTML.slice(0, 120));
  },

  // A long listing has thousands of tokens in a few colours: axe sees one of each, in half the time.
  thinOut() {
    const seen = new Set();
    for (const e of document.querySelectorAll("pre span:not(a *), .sig span:not(a *)")) {
      let styled = "";
      for (let a = e; a; a = a.parentElement) styled += `${a.tagName}.${a.className} `;
      e.style.visibility = seen.has(styled) ? "hidden" : "visible";
      seen.add(styled);
    }
  },

  // What a slider has drawn and written.
  drawn(knob) {
    const figure = knob.closest("figure") ?? knob.parentElement;
    const curves = [...figure.querySelectorAll("[data-curve]")].map(c => c.getAttribute("d"));
    return [curves.join(" "), figure.querySelector("output")?.textContent];
  },
};
