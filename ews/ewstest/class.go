package ewstest

import (
	"strings"

	"github.com/jhillyerd/enmime/v2/mediatype"
)

// Item classes a message can arrive with ([MS-OXOMSG], [MS-OXCICAL], [MS-OXOSMIME]).
const (
	classNote      = "IPM.Note"
	classSMIME     = "IPM.Note.SMIME"
	classSigned    = "IPM.Note.SMIME.MultipartSigned"
	classNDR       = "REPORT.IPM.Note.NDR"
	classDelivered = "REPORT.IPM.Note.DR"
	classRead      = "REPORT.IPM.Note.IPNRN"
	classRequest   = "IPM.Schedule.Meeting.Request"
	classCanceled  = "IPM.Schedule.Meeting.Canceled"
	classResponse  = "IPM.Schedule.Meeting.Resp."
)

// itemClass derives the item class from the top header. A report's kind and a meeting's method stand deeper inside;
// those of the header's parameters are what senders put there for exactly this purpose.
func itemClass(h headerBlock) string {
	ctype := h.get("Content-Type")
	mtype, params, _, err := mediatype.Parse(ctype)
	if err != nil {
		mtype, _, _ = strings.Cut(ctype, ";")
	}
	switch strings.ToLower(strings.TrimSpace(mtype)) {
	case "multipart/signed":
		return classSigned
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return classSMIME
	case "multipart/report":
		switch strings.ToLower(params["report-type"]) {
		case "disposition-notification":
			return classRead
		case "delivery-status", "":
			if strings.HasPrefix(strings.ToLower(h.get("Subject")), "delivered") {
				return classDelivered
			}
			return classNDR
		}
	case "text/calendar":
		return meetingClass(params["method"], "")
	}
	return classNote
}

// meetingClass is the class of a calendar message by its iTIP method (RFC 5546) and, for replies, PARTSTAT.
func meetingClass(method, body string) string {
	switch strings.ToUpper(method) {
	case "REQUEST":
		return classRequest
	case "CANCEL":
		return classCanceled
	case "REPLY", "COUNTER":
		up := strings.ToUpper(body)
		switch {
		case strings.Contains(up, "PARTSTAT=DECLINED"):
			return classResponse + "Neg"
		case strings.Contains(up, "PARTSTAT=TENTATIVE"):
			return classResponse + "Tent"
		}
		return classResponse + "Pos"
	}
	return classNote
}

// elementOf is the element an item of that class is returned as.
func elementOf(class string) string {
	if k := typedByClass(class); k != nil {
		return k.element
	}
	switch {
	case class == classRequest:
		return "t:MeetingRequest"
	case class == classCanceled:
		return "t:MeetingCancellation"
	case strings.HasPrefix(class, classResponse):
		return "t:MeetingResponse"
	}
	return "t:Message"
}
