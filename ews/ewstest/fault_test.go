package ewstest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestEffects(t *testing.T) {
	two := getItem(idOnly, "garbage", "garbage")
	for name, tt := range map[string]struct {
		do     ewstest.Effect
		status int
		header map[string]string
		body   []string // parts it must hold
	}{
		"503":              {ewstest.Busy503("37"), 503, map[string]string{"Retry-After": "37"}, nil},
		"503 without hint": {ewstest.Busy503(""), 503, map[string]string{"Retry-After": ""}, nil},
		"busy fault":       {ewstest.BusyFault(5 * time.Second), 500, nil, []string{"ErrorServerBusy", `Name="BackOffMilliseconds">5000<`, "Fault>"}},
		"busy message":     {ewstest.BusyMessage(time.Second), 200, nil, []string{"GetItemResponseMessage", "ErrorServerBusy", ">1000<"}},
		"busy inside":      {ewstest.BusyInner(-1), 200, nil, []string{"ErrorInternalServerError", `Name="InnerErrorResponseCode">ErrorServerBusy<`}},
		"connection count": {ewstest.ConnectionCount(), 500, nil, []string{"ErrorExceededConnectionCount", ">0<"}},
		"401 as throttle":  {ewstest.Unauthorized(nil), 401, map[string]string{"X-Ms-Diagnostics": ""}, nil},
		"401 expired":      {ewstest.Unauthorized(ewstest.ErrTokenExpired), 401, map[string]string{"X-Ms-Diagnostics": `2000002;reason="The token has expired.";error_category="token_expired"`}, nil},
		"403":              {ewstest.Blocked(), 403, map[string]string{"Content-Length": "0"}, nil},
		"redirect":         {ewstest.Redirect("https://elsewhere.example/"), 302, map[string]string{"Location": "https://elsewhere.example/"}, nil},
		"html":             {ewstest.HTML(200, "<html>login</html>"), 200, map[string]string{"Content-Type": "text/html; charset=utf-8"}, []string{"login"}},
		"raw":              {ewstest.Raw(418, http.Header{"x-odd": {"1"}}, []byte("tea")), 418, map[string]string{"X-Odd": "1"}, []string{"tea"}},
		"fault":            {ewstest.SoapFault("ErrorAccessDenied", ""), 500, nil, []string{"ErrorAccessDenied"}},
		"cas error":        {ewstest.CASError("no"), 500, map[string]string{"X-CasErrorCode": "CAS error: no"}, nil},
		"crash":            {ewstest.CrashedApplication(), 500, nil, []string{"Server Error in '/EWS' Application"}},
		"locked":           {ewstest.LockedAccount(), 401, nil, []string{"currently locked out"}},
		"handshake":        {ewstest.NTLMChallenge(), 401, map[string]string{"WWW-Authenticate": "Negotiate"}, nil},
		"outage":           {ewstest.ErrorPage(), 302, map[string]string{"Location": "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx"}, nil},
		"fault with 200":   {ewstest.OKFault("ErrorAccessDenied", ""), 200, nil, []string{"ErrorAccessDenied", "Fault>"}},
		"schema":           {ewstest.SchemaFault("bad", 2, 3, false), 500, nil, []string{"LineNumber>2<", "LinePosition>3<", "Violation>bad<"}},
		"schema, 2007":     {ewstest.SchemaFault("bad", 2, 3, true), 500, nil, []string{":Line", ">2<", ":Position", ">3<"}},
		"stopped":          {ewstest.BatchStopped(1), 200, nil, []string{`ResponseClass="Warning"`, "ErrorBatchProcessingStopped"}},
		"message":          {ewstest.ResponseError("ErrorMailboxMoveInProgress", "moving"), 200, nil, []string{"moving"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, nil)
			c := f.Fault(ewstest.Fault{Op: "GetItem", Do: tt.do})
			resp, b, err := f.post(t, two)
			require.NoError(t, err)
			require.Equal(t, tt.status, resp.StatusCode)
			for k, v := range tt.header {
				require.Equal(t, v, resp.Header.Get(k))
			}
			for _, part := range tt.body {
				require.Contains(t, string(b), part)
			}
			if strings.Contains(string(b), "GetItemResponseMessage") {
				require.Len(t, parse(t, b).codes(), 2, "one message for each item")
			}
			require.Equal(t, 1, c.Hits())
			require.True(t, f.Requests()[0].Faulted)
			require.Equal(t, tt.status, f.Requests()[0].Status)
			require.Len(t, f.do(t, two).codes(), 2, "the fault is used up")
		})
	}
}

func TestBusySyncHasNoState(t *testing.T) {
	f := start(t, nil)
	f.Fault(ewstest.Fault{Do: ewstest.BusyMessage(5 * time.Second)})
	e := f.do(t, syncItems("", 10))
	require.Equal(t, []string{"ErrorServerBusy"}, e.codes())
	require.Len(t, e.all("SyncState"), 1)
	require.Empty(t, e.text("SyncState"))
	require.Equal(t, "true", e.text("IncludesLastItemInRange"))
}

func TestFaultScript(t *testing.T) {
	f := start(t, nil)
	f.Fault(ewstest.Fault{Op: "GetFolder", After: 1, Times: 2, Do: ewstest.Busy503("")})
	f.Fault(ewstest.Fault{Op: "GetFolder", After: 1, Do: ewstest.Blocked()})
	f.Fault(ewstest.Fault{Mailbox: "somebody@else.example", Times: -1, Do: ewstest.Blocked()})
	f.Fault(ewstest.Fault{Match: func(r *ewstest.Request) bool { return r.Operation == "FindItem" }, Times: -1, Do: ewstest.Blocked()})
	var got []int
	for range 6 {
		resp, _, err := f.post(t, getFolder)
		require.NoError(t, err)
		got = append(got, resp.StatusCode)
	}
	require.Equal(t, []int{200, 503, 503, 403, 200, 200}, got)
	resp, _, err := f.post(t, findItem("", "", ""))
	require.NoError(t, err)
	require.Equal(t, 403, resp.StatusCode)
	f.ClearFaults()
	f.do(t, findItem("", "", ""))
	c := f.Fault(ewstest.Fault{Do: ewstest.Blocked()})
	c.Remove()
	f.do(t, getFolder)
	require.Equal(t, 0, c.Hits())
}

func TestCuts(t *testing.T) {
	move := func(f *fixture, id string) (*http.Response, []byte, error) {
		return f.post(t, `<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="drafts"/></m:ToFolderId><m:ItemIds><t:ItemId Id="`+id+`"/></m:ItemIds></m:MoveItem>`)
	}
	for name, tt := range map[string]struct {
		do      ewstest.Effect
		applied bool
		status  int // of the log; 0: no answer began
		bytes   int
	}{
		"before":      {ewstest.CutBefore(), false, 0, 0},
		"after":       {ewstest.CutAfter(), true, 200, 0},
		"in the body": {ewstest.CutBody(500), true, 200, 500},
		"at once":     {ewstest.CutBody(0), true, 200, 0},
	} {
		for _, length := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				f := start(t, &ewstest.Options{ContentLength: length})
				id := f.deliver(t, "Subject: x\n\n")
				f.Fault(ewstest.Fault{Do: tt.do})
				_, b, err := move(f, id)
				require.Error(t, err)
				require.Len(t, b, tt.bytes)
				_, still := f.mb.Item(id)
				require.Equal(t, tt.applied, !still)
				require.Equal(t, tt.status, f.Requests()[0].Status)
			})
		}
	}
}

func TestSlowHangDelay(t *testing.T) {
	f := start(t, &ewstest.Options{Latency: time.Millisecond})
	f.Fault(ewstest.Fault{Do: ewstest.SlowBody(200, time.Millisecond)})
	require.Equal(t, []string{"NoError"}, f.do(t, getFolder).codes())
	f.Fault(ewstest.Fault{Do: ewstest.Delay(time.Millisecond)})
	require.Equal(t, []string{"NoError"}, f.do(t, getFolder).codes())
	f.Fault(ewstest.Fault{Do: ewstest.Hang()})
	done := make(chan error)
	go func() {
		resp, err := f.http.Do(f.request(t, getFolder))
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		done <- err
	}()
	for f.Count("") < 3 || !f.Requests()[2].Faulted {
		time.Sleep(time.Millisecond)
	}
	f.Close()
	require.Error(t, <-done)
}
