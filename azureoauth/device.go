package azureoauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DeviceCode is a begun sign-in on another device: show Message, or VerificationURI and UserCode. It prints no secret. It may
// be kept by the application between two requests.
type DeviceCode struct {
	UserCode                string        // to be typed in by the person
	VerificationURI         string        // where
	VerificationURIComplete string        // the same with the code in it, for a QR code; often ""
	Message                 string        // the server's own instruction, in its language; often only Entra's
	ExpiresAt               time.Time     // of the codes
	Interval                time.Duration // between polls

	Code    Secret        // what the program polls with
	Options SignInOptions // those it was begun with
}

const (
	deviceInterval    = 5 * time.Second // RFC 8628 section 3.2
	maxDeviceInterval = time.Minute
	maxDeviceLifetime = time.Hour
)

// DeviceAuth begins a sign-in on a machine without a browser (RFC 8628 section 3.1). Confidential clients authenticate. nil
// options are allowed; ExpectedAccount is checked by DeviceToken.
func (c *Config) DeviceAuth(ctx context.Context, o *SignInOptions) (*DeviceCode, error) {
	const op = "device code"
	if err := c.Validate(); err != nil {
		return nil, err
	}
	target := c.deviceAuthURL()
	if target == "" {
		return nil, configProblem("DeviceAuthURL", "empty", "enter the server's device authorization endpoint")
	}
	if o == nil {
		o = &SignInOptions{}
	}
	claims, err := c.claims(o.Claims)
	if err != nil {
		return nil, err
	}
	c.tellScopes(c.signInScopes())
	begun := time.Now().Round(0)
	obj, a, err := c.postForm(ctx, op, target, func(ctx context.Context) (url.Values, error) {
		begun = time.Now().Round(0)
		form := url.Values{"scope": {strings.Join(c.signInScopes(), " ")}}
		if claims != "" {
			form.Set("claims", claims)
		}
		if c.kind() == kindADFS && !c.LiteralScopes {
			form.Set("resource", c.adfsResource())
		}
		return form, c.authenticate(ctx, op, form)
	}, false)
	if err != nil {
		return nil, err
	}
	d, err := readDeviceCode(op, a.host, obj, begun)
	if err != nil {
		return nil, err
	}
	d.Options = *o
	return d, nil
}

func readDeviceCode(op, host string, o object, begun time.Time) (*DeviceCode, error) {
	bad := func(reason string) (*DeviceCode, error) {
		return nil, responseError(op, host, http.StatusOK, "the device code answer is malformed: "+reason)
	}
	d := &DeviceCode{Interval: deviceInterval}
	var codes [4]string
	for i, name := range []string{"device_code", "user_code", "verification_uri", "verification_uri_complete"} {
		s, err := o.str(name)
		if err != nil {
			return bad(err.Error())
		}
		codes[i] = s
	}
	if codes[2] == "" {
		codes[2] = o.lenient("verification_url") // AD FS and older servers
	}
	switch {
	case codes[0] == "" || len(codes[0]) > maxTokenLen || !vschar(codes[0]):
		return bad("device_code is missing or malformed")
	case codes[1] == "" || len(codes[1]) > 100:
		return bad("user_code is missing or malformed")
	case !webPage(codes[2]):
		return bad("verification_uri is missing or no web page")
	case codes[3] != "" && !webPage(codes[3]):
		codes[3] = "" // a convenience: done without
	}
	d.Code, d.UserCode = Secret(codes[0]), cleanText(codes[1], nil, 100)
	d.VerificationURI, d.VerificationURIComplete = codes[2], codes[3]
	d.Message = cleanText(o.lenient("message"), nil, 500)
	if d.Message == "" {
		d.Message = "To sign in, open " + d.VerificationURI + " in a browser and enter the code " + d.UserCode + "."
	}
	life, ok, err := o.seconds("expires_in")
	if err != nil || !ok || life == 0 {
		return bad("expires_in is missing or malformed")
	}
	d.ExpiresAt = begun.Add(min(life, maxDeviceLifetime))
	if iv, ok, err := o.seconds("interval"); err == nil && ok && iv > 0 {
		d.Interval = min(max(iv, time.Second), maxDeviceInterval)
	}
	return d, nil
}

// webPage tells a URL that may be shown to a person.
func webPage(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= 2000 && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())) && u.Host != "" && u.User == nil && !strings.ContainsFunc(s, unprintable)
}

// DeviceToken polls until the person has signed in (RFC 8628 section 3.4), at the server's interval, which slow_down and
// lost connections lengthen. It returns early only for an answer or the end of ctx or of the code.
//
// Errors: ErrDeviceCodeExpired, ErrAccessDenied when the person declined, those of FinishSignIn, the ctx's.
func (c *Config) DeviceToken(ctx context.Context, d *DeviceCode) (*SignIn, error) {
	const op = "device code"
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if d == nil || d.Code == "" {
		return nil, errors.New("azureoauth: device code: not one of DeviceAuth")
	}
	expired := func() error {
		return &Error{Op: op, Host: hostOf(c.tokenURL()), kind: ErrDeviceCodeExpired, reason: "nobody signed in before the code expired"}
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {string(d.Code)}}
	interval := d.Interval
	if interval <= 0 {
		interval = deviceInterval // a DeviceCode made by hand must not poll without a pause
	}
	for {
		if time.Until(d.ExpiresAt) < interval {
			// The last poll would come too late: wait the rest out, so that the code's life is what was promised.
			if !sleep(ctx, time.Until(d.ExpiresAt)) && ctx.Err() != nil {
				return nil, fmt.Errorf("azureoauth: device code: nobody signed in: %w", context.Cause(ctx))
			}
			return nil, expired()
		}
		if !sleep(ctx, interval) {
			return nil, fmt.Errorf("azureoauth: device code: nobody signed in: %w", context.Cause(ctx))
		}
		t, err := c.requestToken(ctx, op, form, true)
		if err == nil {
			return c.finish(op, t, d.Options, "")
		}
		var e *Error
		if !errors.As(err, &e) {
			return nil, err
		}
		switch {
		case e.Code == "authorization_pending":
		case e.Code == "slow_down":
			interval = min(interval+5*time.Second, maxDeviceInterval)
		case e.Code == "expired_token":
			e.kind = ErrDeviceCodeExpired
			return nil, e
		case e.Temporary() && ctx.Err() == nil:
			// RFC 8628 section 3.5: back off exponentially on connection timeouts.
			interval = min(max(interval*2, e.RetryAfter), maxDeviceInterval)
		default:
			return nil, err
		}
	}
}
