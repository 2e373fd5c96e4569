package ews_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestAnswersWithoutContent: an answer that lacks the attachment, or its bytes, is never taken for an empty file.
func TestAnswersWithoutContent(t *testing.T) {
	for _, tc := range []struct {
		name, inner string
		want        error // nil: the file is empty
	}{
		{"an empty file", `<m:Attachments><t:FileAttachment><t:Name>x</t:Name><t:Size>0</t:Size><t:Content></t:Content></t:FileAttachment></m:Attachments>`, nil},
		{"an empty file, without the element", `<m:Attachments><t:FileAttachment><t:Name>x</t:Name><t:Size>143</t:Size></t:FileAttachment></m:Attachments>`, nil},
		{"no attachment", `<m:Attachments/>`, ews.ErrBadResponse},
		{"nothing", ``, ews.ErrBadResponse},
		{"a kind that nobody knows", `<m:Attachments><t:Other><t:Name>x</t:Name></t:Other></m:Attachments>`, ews.ErrBadResponse},
		{"a large file without its bytes", `<m:Attachments><t:FileAttachment><t:Name>x</t:Name><t:Size>100000</t:Size></t:FileAttachment></m:Attachments>`, ews.ErrBadItem},
		{"a message without its MIME", `<m:Attachments><t:ItemAttachment><t:Name>x</t:Name><t:Message><t:Subject>s</t:Subject></t:Message></t:ItemAttachment></m:Attachments>`, ews.ErrBadItem},
	} {
		t.Run(tc.name, func(t *testing.T) {
			one := okMessage(tc.inner)
			rt := &script{answers: []answer{getAttachmentAnswer(one)}}
			m := newClient(t, rt, nil).Own()
			r, err := m.Attachment(t.Context(), ews.AttachmentID{ID: "A1"})
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
			} else {
				require.NoError(t, err)
				b, err := io.ReadAll(r)
				require.NoError(t, err)
				require.Empty(t, b)
				require.NoError(t, r.Close())
			}
			// Several share an answer; what it lacks is asked for again, alone.
			rt.answers = []answer{getAttachmentAnswer(one + one), getAttachmentAnswer(one)}
			n := 0
			for c, err := range m.Attachments(t.Context(), ews.AttachmentID{ID: "A1"}, ews.AttachmentID{ID: "A2"}) {
				if n++; tc.want != nil {
					require.ErrorIs(t, err, tc.want)
					continue
				}
				require.NoError(t, err)
				b, err := io.ReadAll(c.Content)
				require.NoError(t, err)
				require.Empty(t, b)
			}
			require.Positive(t, n)
		})
	}
}

func getAttachmentAnswer(responses string) answer {
	return reply(200, strings.ReplaceAll(messages(responses), "GetItem", "GetAttachment"))
}
