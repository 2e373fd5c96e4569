//go:build !race

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"github.com/ewsmail/ewsmail/internal/servers"
)

// browserPatience is how long a page may take: a browser on a busy machine starts slowly.
const browserPatience = 3 * time.Minute

// chromium is a real browser with nothing in it, and what it says about the pages.
type chromium struct {
	t   *testing.T
	ctx context.Context
	app string // the application's address

	mu       sync.Mutex
	trouble  []string // on the console, and of the browser's own checks
	requests []*network.EventRequestWillBeSent
}

// startChromium starts a private browser. Names of hosts are looked up by rules only.
func startChromium(t *testing.T, app, rules string) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.Flag("host-resolver-rules", rules), chromedp.Flag("disable-features", "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,Translate,MediaRouter"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to run as root with one
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*browserPatience) // t.Context ends before the browser is closed
	t.Cleanup(cancel)
	ctx, endAll := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(endAll)
	c := &chromium{t: t, app: app}
	c.ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(c.heard))
	t.Cleanup(func() {
		if err := chromedp.Cancel(c.ctx); err != nil { // waits for its end
			t.Errorf("closing chromium: %v", err)
		}
		cancel()
	})
	if _, err := chromedp.Call(c.ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	if _, err := chromedp.Call(c.ctx, audits.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *chromium) heard(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		c.trouble = append(c.trouble, fmt.Sprintf("console: %s, %d values", e.Type, len(e.Args)))
	case *runtime.EventExceptionThrown:
		c.trouble = append(c.trouble, "script: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if strings.HasSuffix(e.Entry.URL, "/favicon.ico") && !strings.HasPrefix(e.Entry.URL, c.app) {
			return // the identity provider has none
		}
		c.trouble = append(c.trouble, fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *audits.EventIssueAdded:
		c.trouble = append(c.trouble, "issue: "+string(e.Issue.Code))
	case *network.EventRequestWillBeSent:
		c.requests = append(c.requests, e)
	}
}

// do does something in the browser.
func (c *chromium) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	if err := chromedp.Do(c.ctx, actions...); err != nil {
		c.t.Fatalf("%s: %v\n%s", what, err, c.said())
	}
}

func (c *chromium) said() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.trouble...)
}

// ask reads something in the browser.
func ask[T any](c *chromium, what string, action chromedp.Action[T]) T {
	c.t.Helper()
	answer, err := chromedp.Run(c.ctx, action)
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", what, err, c.said())
	}
	return answer
}

// text is what the page shows, in one question: nodes that were found may be gone a moment later.
func (c *chromium) text() string {
	c.t.Helper()
	return ask(c, "reading the page", chromedp.Evaluate[string]("document.body.innerText"))
}

// address is the page's.
func (c *chromium) address() string {
	c.t.Helper()
	return ask(c, "reading the address", chromedp.Location())
}

// click clicks on what leads to another page, and waits for that.
func (c *chromium) click(selector chromedp.CSS) {
	c.t.Helper()
	if _, err := chromedp.RunResponse(c.ctx, chromedp.Click(selector, chromedp.NodeVisible)); err != nil {
		c.t.Fatalf("click on %s of %s: %v\n%s", selector, c.address(), err, c.said())
	}
}

// open opens a page, until it shows the text.
func (c *chromium) open(url, text string) {
	c.t.Helper()
	var page string
	for end := time.Now().Add(browserPatience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		c.do("opening "+url, chromedp.Navigate(url))
		if page = c.text(); strings.Contains(page, text) {
			return
		}
	}
	c.t.Fatalf("%s never shows %q: %s", url, text, page)
}

// cookies are those that the browser has for all sites.
func (c *chromium) cookies() []*network.Cookie {
	c.t.Helper()
	got, err := chromedp.CallBrowser(c.ctx, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil {
		c.t.Fatalf("reading the cookies: %v", err)
	}
	return got.Cookies
}

// The whole story in a real browser: Connect, sign-in and consent at the identity provider, back, mail, ticket, answer; what the browser
// thinks of the pages, and what a person does with a browser: clicking twice, going back, reloading.
func TestChromium(t *testing.T) {
	w := newWorld(t)
	w.deliver("1", "Printer <script>alert(1)</script>", "It smokes. <img src=x onerror=alert(1)>")
	v, _ := w.start(nil)
	app := v.app.base.String()
	const inHouse = "http://helpdesk.test"
	port := servers.Port(t)
	newWorld(t).start(func(o *options) { o.listen, o.public = "127.0.0.1:"+port, inHouse })
	c := startChromium(t, app, "MAP helpdesk.test:80 127.0.0.1:"+port)

	c.open(app+"/", "is not connected")
	c.click(`a[href="/connect"]`)
	if url := c.address(); !strings.HasPrefix(url, w.tenant.Entra.AuthURL()) {
		t.Fatalf("Connect leads to %s", url)
	}
	cookies := c.cookies()
	ours := 0
	for _, k := range cookies {
		if strings.HasPrefix(app, "http://"+k.Domain) {
			ours++
			if !k.HTTPOnly || k.SameSite != network.CookieSameSiteLax || k.Session || k.Secure {
				t.Errorf("the cookie of the sign-in: %+v", k)
			}
		}
	}
	if ours != 1 {
		t.Errorf("%d cookies of the application: %+v", ours, cookies)
	}
	c.click(`button[value="accept"]`)
	if url := c.address(); url != app+"/" {
		t.Errorf("the sign-in ends at %s", url)
	}
	c.open(app+"/", "Connected.")
	if left := c.cookies(); len(left) != 0 {
		t.Errorf("cookies after the sign-in: %+v", left)
	}

	// Mail becomes a ticket, and is text.
	c.open(app+"/tickets", "Printer <script>alert(1)</script>")
	c.click(`main td a`)
	ticket := c.address()
	if page := c.text(); !strings.Contains(page, "It smokes. <img src=x onerror=alert(1)>") {
		t.Error(page)
	}

	// Two clicks on Send are one answer. The page shows it until it is sent; reloading and going back send nothing.
	c.do("answering", chromedp.SendKeys(chromedp.ID("text"), "Use water."), chromedp.DoubleClick(chromedp.CSS("form button")),
		chromedp.WaitVisible(chromedp.CSS("article.answer")))
	c.open(ticket, "Sent 20")
	c.do("reloading", chromedp.Reload())
	c.do("going back", chromedp.NavigateBack())
	c.do("going on", chromedp.NavigateForward())
	c.open(ticket, "Sent 20")
	if n := strings.Count(c.text(), "Use water."); n != 1 {
		t.Errorf("the answer is shown %d times", n)
	}
	w.once(1)

	if said := c.said(); len(said) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(said, "\n"))
	}
	// It would: inline style is against the policy of every page.
	ask(c, "breaking the policy", chromedp.Evaluate[bool](`document.body.setAttribute("style", "color: red"), true`))
	c.do("waiting for the complaint", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		for len(c.said()) == 0 && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		return ctx.Err()
	}))

	// Where there is no TLS, and for older browsers everywhere, a form only says its origin: its own page's must be told from others.
	c.open(inHouse+"/settings", "Client secret")
	c.click("form button")
	if page := c.text(); !strings.Contains(page, "Nothing was saved or sent. Correct the fields") {
		t.Errorf("a form of the application's own page: %s", page)
	}

	// Back to the sign-in page and consenting once more: that sign-in is over, and harms nothing.
	c.do("going back to the sign-in page", chromedp.Navigate(c.signInPage()))
	c.click(`button[value="accept"]`)
	if page := c.text(); !strings.Contains(page, "No sign-in of this browser is waiting") {
		t.Error(page)
	}
	c.open(app+"/", "Connected.")
	c.noCodes()
	sameText(t, v.counted(), "1 tickets, 1 messages, 0 attachments, 1 answers")
}

// signInPage is the address that Connect led to.
func (c *chromium) signInPage() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.requests {
		if strings.Contains(r.Request.URL, "/authorize?") {
			return r.Request.URL
		}
	}
	return ""
}

// noCodes checks that no request but the callback's own names a code: neither as its address nor as the page it comes from.
func (c *chromium) noCodes() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	callbacks := 0
	for _, r := range c.requests {
		if strings.Contains(r.Request.URL, callbackPath+"?") && strings.Contains(r.Request.URL, "code=") {
			callbacks++
		} else if strings.Contains(r.Request.URL, "code=") {
			c.t.Errorf("a code stands in %s", r.Request.URL)
		}
		for name, value := range r.Request.Headers {
			if strings.Contains(fmt.Sprint(value), "code=") {
				c.t.Errorf("%s of %s names a code: %v", name, r.Request.URL, value)
			}
		}
	}
	if callbacks == 0 {
		c.t.Error("no callback was seen")
	}
}
