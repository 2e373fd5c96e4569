package ewstest

import "net/http"

// CASError answers 500 with the X-CasErrorCode header, as a front end that will not pass a request on; text is what follows "CAS error: ".
func CASError(text string) Effect {
	return Effect{kind: effectHTTP, status: http.StatusInternalServerError, header: http.Header{"X-Caserrorcode": {"CAS error: " + text}}}
}

// CrashedApplication answers 500 with ASP.NET's page of an application that failed or is starting, and closes the connection.
func CrashedApplication() Effect {
	return Effect{kind: effectHTTP, status: http.StatusInternalServerError,
		header: http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Connection": {"close"}},
		body:   "<html><head><title>Runtime Error</title></head><body><h1>Server Error in '/EWS' Application.</h1><h2><i>Runtime Error</i></h2></body></html>"}
}

// LockedAccount answers 401 with the page that says so.
func LockedAccount() Effect {
	return Effect{kind: effectHTTP, status: http.StatusUnauthorized, header: http.Header{"Content-Type": {"text/html"}},
		body: "<html><body>The referenced account is currently locked out and may not be logged on to.</body></html>"}
}

// NTLMChallenge answers 401 in the middle of a handshake, as Exchange Server does to who signs in with a password. There is no Bearer in it.
func NTLMChallenge() Effect {
	return Effect{kind: effectHTTP, status: http.StatusUnauthorized,
		header: http.Header{"Www-Authenticate": {"Negotiate", "NTLM TlRMTVNTUAACAAAAAAAAADgAAAABAoEA", `Basic realm=""`}}}
}

// ErrorPage answers 302 to Exchange's page for an outage under load.
func ErrorPage() Effect {
	return Redirect("/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx")
}

// OKFault is SoapFault with the status 200.
func OKFault(code, text string, values ...string) Effect {
	e := SoapFault(code, text, values...)
	e.status = http.StatusOK
	return e
}

// SchemaFault answers 500 with the fault ErrorSchemaValidation, which names the place, counted from 1, and what breaks the schema there. Exchange
// 2007 tells the place in another way.
func SchemaFault(violation string, line, column int, exchange2007 bool) Effect {
	return Effect{kind: effectFault, code: "ErrorSchemaValidation", violation: violation, line: line, column: column, old: exchange2007,
		text: "The request failed schema validation: " + violation}
}

// BatchStopped carries the first n items of a batch out, and answers the others with the warning ErrorBatchProcessingStopped, as Exchange does
// when it runs out of time or budget midway.
func BatchStopped(n int) Effect { return Effect{kind: effectBatchStopped, n: int64(n)} }
