package ews

import (
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// readFault reads a SOAP fault; the scanner stands on soap:Fault. Exchange says what happened in detail/ResponseCode; faults
// without detail (gromox, front ends) have a faultcode only, whose local part may be the same code.
func readFault(s *wire.Scanner) *Error {
	var e Error
	var x messageXML
	var faultCode, faultString string
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "faultcode", "Code":
			faultCode = localPart(s.Text())
		case "faultstring", "Reason":
			faultString = line(s.Text())
		case "detail", "Detail":
			for d := s.Depth(); s.Child(d); {
				switch s.Local() {
				case "ResponseCode":
					e.Code = line(s.Text())
				case "Message":
					e.Message = line(s.Text())
				case "MessageXml":
					x.read(s)
				case "Line":
					x.line = number(s.Text())
				case "Position":
					x.column = number(s.Text())
				case "Violation":
					x.violation = line(s.Text())
				}
			}
		}
	}
	if strings.HasPrefix(faultString, strings.TrimRight(e.Message, ".")) {
		e.Message = faultString // it is the message and more, such as the violation
	}
	if e.Code == "" && strings.HasPrefix(faultCode, "Error") {
		e.Code = faultCode
	}
	x.fill(&e)
	e.fault = true
	if e.Code == "" {
		e.what = "Exchange refused the request with a SOAP fault (" + faultCode + ")"
		if faultCode == "" {
			e.what = "Exchange refused the request with a SOAP fault that does not say why"
		}
	}
	e.classify()
	return &e
}

// localPart of a QName in text: "a:ErrorServerBusy" gives "ErrorServerBusy".
func localPart(s string) string {
	s = line(s)
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		s = s[i+1:]
	}
	return s
}
