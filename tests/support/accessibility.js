// What a page owes to whoever can't see it, can't use a mouse, or has a telephone: every complaint as one line.
// Runs in the page. `asked`: {language, structure, focus}; sources are the criteria of WCAG 2.2.
(asked) => {
    const complaints = [];
    const say = (criterion, node, what) => {
        const id = node.id ? `#${node.id}` : "";
        const words = (node.innerText || node.value || node.name || "").trim().slice(0, 40);
        complaints.push(`${criterion} <${node.tagName.toLowerCase()}${id}.${node.getAttribute("class") || ""}> “${words}”: ${what}`);
    };
    const all = (selector) => [...document.querySelectorAll(selector)];
    const shown = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true })
        && node.getClientRects().length > 0;
    const box = (node) => node.getBoundingClientRect();
    // Hidden for the eye only, for screen readers: a box of a pixel, or cut away.
    const drawn = (node) => shown(node) && box(node).width > 1 && box(node).height > 1
        && !/inset\(50%\)|rect\(0/.test(getComputedStyle(node).clipPath + getComputedStyle(node).clip);

    const texts = (ids) => (ids || "").split(/\s+/).filter(Boolean)
        .map((id) => document.getElementById(id)).filter(Boolean).map((one) => one.textContent).join(" ").trim();
    const nameOf = (node) => {
        const labels = node.labels ? [...node.labels].map((one) => one.textContent).join(" ") : "";
        const inside = ["BUTTON", "A", "SUMMARY"].includes(node.tagName) || node.getAttribute("role")
            ? node.textContent + [...node.querySelectorAll("img")].map((one) => one.alt).join(" ") : "";
        return [texts(node.getAttribute("aria-labelledby")), node.getAttribute("aria-label"), labels, inside,
            node.getAttribute("title"), node.type === "submit" ? node.value : ""]
            .map((one) => (one || "").trim()).find(Boolean) || "";
    };
    const controls = all("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex], [role=button], [role=switch], [role=tab]")
        .filter((node) => node.tabIndex >= 0 || !node.hasAttribute("tabindex"));

    const structure = () => {
        const root = document.documentElement;
        if (root.lang !== asked.language) say("3.1.1", root, `the language is “${root.lang}”`);
        if (!document.title.trim()) say("2.4.2", root, "no title");
        const tops = all("h1").filter(shown);
        if (tops.length !== 1 || !tops[0].innerText.trim()) say("1.3.1", root, `${tops.length} headings of the first level`);
        let before = 0;
        for (const node of all("h1, h2, h3, h4, h5, h6").filter(shown)) {
            const level = Number(node.tagName[1]);
            if (before && level > before + 1) say("1.3.1", node, `follows a heading of level ${before}`);
            if (!node.innerText.trim()) say("2.4.6", node, "an empty heading");
            before = level;
        }
        if (all("main").filter(shown).length !== 1) say("1.3.1", root, "not one main part");
        const navs = all("nav").filter(shown);
        const named = navs.map((one) => nameOf(one) || one.getAttribute("aria-label") || "");
        navs.forEach((one, index) => {
            if (navs.length > 1 && (!named[index] || named.indexOf(named[index]) !== index)) say("1.3.1", one, "navigation without a name of its own");
        });
        if (!all("a[href^='#']").some((one) => document.querySelector(one.getAttribute("href")))) say("2.4.1", root, "no way past the navigation");
        const ids = new Set();
        for (const node of all("[id]")) {
            if (ids.has(node.id)) say("4.1.1", node, "this id is there twice");
            ids.add(node.id);
        }
        for (const name of ["aria-describedby", "aria-labelledby", "aria-controls", "for"]) {
            for (const node of all(`[${name}]`)) {
                for (const id of node.getAttribute(name).split(/\s+/).filter(Boolean)) {
                    if (!document.getElementById(id)) say("1.3.1", node, `${name} names nothing: ${id}`);
                }
            }
        }
        for (const node of all("img")) if (!node.hasAttribute("alt")) say("1.1.1", node, "no alt");
        for (const node of all("svg")) {
            if (node.getAttribute("aria-hidden") !== "true" && !(node.getAttribute("role") === "img" && (nameOf(node) || node.querySelector("title")))) say("1.1.1", node, "a drawing without words");
        }
        for (const node of controls.filter(shown)) {
            if (!nameOf(node)) say("4.1.2", node, "no name");
            if (node.tabIndex > 0) say("2.4.3", node, `tabindex ${node.tabIndex}`);
            if (node.parentElement.closest("a[href], button, summary")) say("4.1.2", node, "inside another control");
            const reachable = node.tabIndex >= 0 || node.disabled || node.type === "radio";
            if (!reachable) say("2.1.1", node, "not reached by the keyboard");
            if (node.closest("[aria-hidden=true]")) say("4.1.2", node, "hidden from screen readers, and focused");
        }
        for (const node of all("table").filter(shown)) {
            const heads = [...node.querySelectorAll("th")];
            if (!heads.length || heads.some((one) => !one.hasAttribute("scope"))) say("1.3.1", node, "a table without headings that say of what");
        }
        for (const node of all("ul, ol")) {
            if ([...node.children].some((one) => !["LI", "SCRIPT", "TEMPLATE"].includes(one.tagName))) say("1.3.1", node, "a list of other things than items");
        }
        for (const node of all("[aria-invalid=true]")) if (!texts(node.getAttribute("aria-describedby"))) say("3.3.1", node, "wrong, and nothing says why");
    };

    // --- contrast -------------------------------------------------------------------------------------------

    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    canvas.canvas.width = canvas.canvas.height = 1;
    const known = new Map();
    const colour = (text) => {
        if (!known.has(text)) {
            canvas.clearRect(0, 0, 1, 1);
            canvas.fillStyle = text;
            canvas.fillRect(0, 0, 1, 1);
            const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
            known.set(text, [r, g, b, a / 255]);
        }
        return known.get(text);
    };
    const over = ([r, g, b, a], ground) => [r, g, b].map((one, index) => one * a + ground[index] * (1 - a));
    const channel = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const ratio = (one, two) => {
        const [a, b] = [light(one), light(two)];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const dark = matchMedia("(prefers-color-scheme: dark)").matches
        && getComputedStyle(document.documentElement).colorScheme.includes("dark");
    const grounds = new Map();
    const ground = (node) => {
        if (!node || node === document) return dark ? [18, 18, 18] : [255, 255, 255];
        if (!grounds.has(node)) {
            const style = getComputedStyle(node);
            const own = colour(style.backgroundColor);
            const placed = style.position === "fixed" ? document.body : node.parentElement;
            const below = own[3] === 1 ? [0, 0, 0] : ground(placed);
            const picture = style.backgroundImage.includes("gradient") || style.backgroundImage.includes("url(");
            grounds.set(node, below === null || picture ? null : over(own, below));
        }
        return grounds.get(node);
    };
    const faint = (node) => {
        let all = 1;
        for (let one = node; one && one !== document; one = one.parentElement) all *= Number(getComputedStyle(one).opacity);
        return all;
    };
    const contrast = () => {
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const seen = new Set();
        while (walker.nextNode()) {
            const node = walker.currentNode.parentElement;
            if (!walker.currentNode.data.trim() || seen.has(node) || !drawn(node)) continue;
            seen.add(node);
            if (node.closest("[disabled], [aria-disabled=true], option, [aria-hidden=true]")) continue;
            const style = getComputedStyle(node);
            const behind = ground(node);
            if (!behind) continue; // text over a picture is looked at by eye
            const inside = node.closest("svg") ? style.fill : style.color;
            const [r, g, b, a] = colour(inside);
            const found = ratio(over([r, g, b, a * faint(node)], behind), behind);
            const size = parseFloat(style.fontSize);
            const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
            if (found + 0.01 < (large ? 3 : 4.5)) say("1.4.3", node, `contrast ${found.toFixed(2)}, ${inside} on ${behind.map(Math.round)}`);
        }
    };

    // --- size and focus -------------------------------------------------------------------------------------

    const sizes = () => {
        const wide = document.documentElement.scrollWidth;
        if (wide > innerWidth) {
            const out = all("body *").filter(drawn).filter((one) => box(one).right > innerWidth + 1).slice(0, 3);
            say("1.4.10", out[0] || document.body, `${wide} px wide on ${innerWidth}; ${out.map((one) => one.tagName + "." + one.className)}`);
        }
        const targets = controls.filter(drawn).map((node) => ({ node, area: areaOf(node) }));
        for (const one of targets) {
            const inText = one.node.tagName === "A" && getComputedStyle(one.node).display === "inline";
            if (inText || !isSmall(one.area)) continue;
            // A small one is fine where its circle of 24 px meets neither another target nor another's circle.
            const near = targets.find((other) => other.node !== one.node && !holds(other, one) && apart(one.area, other.area) < 12
                + (isSmall(other.area) ? 12 : 0));
            if (near) say("2.5.8", one.node, `${one.area.width.toFixed(0)} × ${one.area.height.toFixed(0)} px, beside “${(near.node.innerText || near.node.name || "").slice(0, 30)}”`);
        }
    };
    const isSmall = ({ width, height }) => width < 24 || height < 24;
    const holds = (one, other) => one.node.contains(other.node) || other.node.contains(one.node)
        || (one.node.labels && [...one.node.labels].some((label) => label.contains(other.node)));
    // With its label, where that can be clicked, too.
    const areaOf = (node) => {
        const boxes = [box(node), ...[...(node.labels || [])].map(box)];
        const [left, top] = [Math.min(...boxes.map((one) => one.left)), Math.min(...boxes.map((one) => one.top))];
        const [right, bottom] = [Math.max(...boxes.map((one) => one.right)), Math.max(...boxes.map((one) => one.bottom))];
        return { left, top, right, bottom, width: right - left, height: bottom - top };
    };
    // From the middle of one to the edge of another that is large enough, or to the middle of one that isn't.
    const apart = (one, other) => {
        const [x, y] = [(one.left + one.right) / 2, (one.top + one.bottom) / 2];
        const small = isSmall(other);
        const to = small ? [(other.left + other.right) / 2, (other.top + other.bottom) / 2]
            : [Math.min(Math.max(x, other.left), other.right), Math.min(Math.max(y, other.top), other.bottom)];
        return Math.hypot(x - to[0], y - to[1]);
    };
    const look = (node) => {
        const style = getComputedStyle(node);
        const outline = style.outlineStyle === "none" || style.outlineWidth === "0px" ? "" : style.outline;
        return [outline, style.boxShadow, style.borderColor, style.backgroundColor, style.textDecoration].join("|");
    };
    const focus = () => {
        for (const node of controls.filter((one) => drawn(one) && !one.disabled && one.tabIndex >= 0)) {
            node.blur();
            const around = [node, node.parentElement, ...(node.labels || [])];
            settle();
            const before = around.map(look).join();
            node.focus({ preventScroll: true });
            settle();
            if (document.activeElement !== node) { say("2.1.1", node, "takes no focus"); continue; }
            if (around.map(look).join() === before) say("2.4.7", node, "looks the same with focus");
            node.blur();
        }
    };

    // Colours that are still changing from one scheme to the other are nobody's.
    const settle = () => {
        document.body.getBoundingClientRect();
        for (const one of document.getAnimations()) {
            if (one.effect.getComputedTiming().endTime === Infinity) one.cancel();
            else one.finish();
        }
    };

    settle();
    sizes();
    for (const one of all("details")) one.open = true;
    settle();
    contrast();
    if (asked.structure) structure();
    if (asked.focus) focus();
    for (const one of all("details")) one.open = false;
    return [...new Set(complaints)];
}
