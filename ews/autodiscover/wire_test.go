package autodiscover_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/autodiscover"
)

// service is an Autodiscover server over a real connection, as strict about requests as Exchange is.
type service struct {
	ways string // which it serves: "v2", "SOAP", "POX"
	asks []string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	way := map[string]string{v2Path: "v2", svcPath: "SOAP", poxPath: "POX"}[strings.ToLower(r.URL.Path)]
	s.asks = append(s.asks, way)
	if way != s.ways {
		http.Error(w, "not here", http.StatusNotFound)
		return
	}
	if way == "v2" {
		q := r.URL.Query()
		if r.Method != http.MethodGet || q.Get("Email") != "a&b@example.com" || q.Get("Protocol") != "EWS" || r.Header.Get("Authorization") != "" {
			http.Error(w, `{"ErrorCode":"MandatoryParameterMissing","ErrorMessage":"`+r.URL.RawQuery+`"}`, http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"Protocol":"EWS","Url":%q}`, mailEWS)
		return
	}
	if r.Header.Get("Authorization") != "Bearer secret-token" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/xml") || r.ContentLength != int64(len(body)) {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	if way == "SOAP" {
		const ns = "http://schemas.microsoft.com/exchange/2010/Autodiscover "
		var q struct {
			XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
			Header  struct {
				Version string `xml:"http://schemas.microsoft.com/exchange/2010/Autodiscover RequestedServerVersion"`
				Action  string `xml:"http://www.w3.org/2005/08/addressing Action"`
				To      string `xml:"http://www.w3.org/2005/08/addressing To"`
			} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Header"`
			Body struct {
				Request struct {
					Mailbox  []string `xml:"http://schemas.microsoft.com/exchange/2010/Autodiscover Users>User>Mailbox"`
					Settings []string `xml:"http://schemas.microsoft.com/exchange/2010/Autodiscover RequestedSettings>Setting"`
				} `xml:"GetUserSettingsRequestMessage>Request"`
			} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
		}
		if err := xml.Unmarshal(body, &q); err != nil || !strings.HasPrefix(q.Header.Version, "Exchange20") ||
			q.Header.Action != strings.TrimSpace(ns)+"/Autodiscover/GetUserSettings" || q.Header.To != "https://"+r.Host+svcPath ||
			len(q.Body.Request.Mailbox) != 1 || q.Body.Request.Mailbox[0] != "a&b@example.com" || len(q.Body.Request.Settings) == 0 {
			http.Error(w, fmt.Sprintf("%v %+v", err, q), http.StatusInternalServerError)
			return
		}
		resp, _ := soap("NoError", "", "ExternalEwsUrl", mailEWS)(r)
		io.Copy(w, resp.Body)
		return
	}
	var q struct {
		XMLName xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006 Autodiscover"`
		Address string   `xml:"Request>EMailAddress"`
		Schema  string   `xml:"Request>AcceptableResponseSchema"`
	}
	if err := xml.Unmarshal(body, &q); err != nil || q.Address != "a&b@example.com" || q.Schema != "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a" {
		http.Error(w, fmt.Sprintf("%v %+v", err, q), http.StatusInternalServerError)
		return
	}
	resp, _ := pox(exch)(r)
	io.Copy(w, resp.Body)
}

// TestOverTheWire: each of the services answers a whole search over TLS, its certificate checked for the name it was asked by.
func TestOverTheWire(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for _, tc := range []struct {
		ways, cert string
		steps      []string
		fails      string
	}{
		{"v2", "autodiscover.example.com", []string{"v2"}, ""},
		{"SOAP", "*.example.com", []string{"v2", "SOAP"}, ""},
		{"POX", "autodiscover.example.com", []string{"v2", "SOAP", "POX"}, ""},
		{"SOAP", "shop.example.org", nil, "certificate"},
	} {
		t.Run(tc.ways+" of "+tc.cert, func(t *testing.T) {
			template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{tc.cert}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
				KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
			der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
			require.NoError(t, err)
			cert, err := x509.ParseCertificate(der)
			require.NoError(t, err)
			s := &service{ways: tc.ways}
			srv := httptest.NewUnstartedServer(s)
			srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
			srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused certificate
			srv.StartTLS()
			defer srv.Close()
			roots := x509.NewCertPool()
			roots.AddCert(cert)
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr != "autodiscover.example.com:443" {
					return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}}
				}
				return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
			}}
			defer transport.CloseIdleConnections()
			r, err := autodiscover.Find(t.Context(), "a&b@example.com", &autodiscover.Options{Token: source("secret-token"), HTTPClient: &http.Client{Transport: transport}, Resolver: &world{}})
			if tc.fails != "" {
				require.ErrorIs(t, err, autodiscover.ErrNotFound)
				require.ErrorContains(t, err, tc.fails)
				require.Empty(t, s.asks)
				return
			}
			require.NoError(t, err)
			require.Equal(t, mailEWS, r.Endpoint)
			require.Equal(t, tc.steps, s.asks)
			require.Contains(t, r.Source, tc.ways)
		})
	}
}
