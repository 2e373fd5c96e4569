package ews_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestSearchFolderReadBack: what a search folder shows is read as it was written, may be changed, and be written again.
func TestSearchFolderReadBack(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	ctx := t.Context()
	seedTickets(t, box, 6)
	sub := box.AddFolder("inbox/sub")
	inbox, err := m.Folder(ctx, ews.Inbox)
	require.NoError(t, err)
	ticket := ews.Property{Set: ews.PublicStrings, Name: "Ticket", Type: ews.MAPIInteger}
	written := &ews.SearchFolder{
		Name: "Open & <urgent>",
		Where: ews.And{
			ews.Or{ews.FieldSubject.Contains("[Ticket#"), ews.FieldFrom.HasPrefix(" a&b ")},
			ews.Not{Restriction: ews.FieldHasAttachments.Is(true)},
			ews.FieldReceived.AtOrAfter(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)),
			ews.FieldImportance.AtLeast(ews.HighImportance),
			ews.FieldSize.Over(1 << 20),
			ews.Compare{Field: ews.FieldSent, Op: ews.IsLessThan, Value: ews.FieldReceived},
			ews.Excludes{Field: ticket, Mask: 0x80000001},
			ticket.Is(42), ticket.Exists(),
			ews.PropertySearchKey.Is([]byte{1, 2}),
			ews.Contains{Field: ews.FieldCategories, Text: "Red", Mode: ews.ExactPhrase, Comparison: ews.LooseAndIgnoreCase},
			ews.TextField("item:Culture").Is("de-DE"),
		},
		In:   []ews.FolderRef{ews.Inbox, ews.FolderID{ID: sub.ID}},
		Deep: true,
	}
	id, err := m.CreateSearchFolder(ctx, ews.SearchFolders, written)
	require.NoError(t, err)
	read, err := m.SearchFolder(ctx, id)
	require.NoError(t, err)
	ids := func(f *ews.SearchFolder) (ids []string) {
		for _, in := range f.In {
			ids = append(ids, in.(ews.FolderID).ID)
		}
		return ids
	}
	require.Equal(t, []string{inbox.ID.ID, sub.ID}, ids(read))
	want := &ews.SearchFolder{Name: written.Name, Where: asRead(written.Where), In: read.In, Deep: true}
	if d := cmp.Diff(want, read); d != "" {
		t.Fatal(d)
	}

	read.Where, read.Deep = ews.FieldRead.Is(false), false
	require.NoError(t, m.UpdateSearchFolder(ctx, id, read), "what was read is written again as it is")
	again, err := m.SearchFolder(ctx, id)
	require.NoError(t, err)
	require.Equal(t, []any{read.Where, false, ids(read)}, []any{again.Where, again.Deep, ids(again)})
	unread := 0
	for _, err := range m.Messages(ctx, id, &ews.Query{Detail: ews.Summary}) {
		require.NoError(t, err)
		unread++
	}
	require.Equal(t, 3, unread)

	_, err = m.SearchFolder(ctx, ews.Inbox)
	require.ErrorIs(t, err, ews.ErrInvalidRequest)
	require.ErrorContains(t, err, "no search folder")
	require.NoError(t, m.DeleteFolder(ctx, ews.HardDelete, id))
	_, err = m.SearchFolder(ctx, id)
	require.ErrorIs(t, err, ews.ErrNotFound)
}

// searchFolderAnswer is one to GetFolder.
func searchFolderAnswer(kind, where, in string) answer {
	return reply(200, envelope(`<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:`+kind+
		`><t:FolderId Id="F1"/><t:DisplayName>x</t:DisplayName><t:SearchParameters><t:Restriction>`+where+`</t:Restriction><t:BaseFolderIds>`+in+
		`</t:BaseFolderIds></t:SearchParameters></t:`+kind+`></m:Folders></m:GetFolderResponseMessage></m:ResponseMessages></m:GetFolderResponse>`))
}

// TestSearchFoldersOfOthers: conditions and folders in forms that this package does not write are read too, or refused by name.
func TestSearchFoldersOfOthers(t *testing.T) {
	const inbox = `<t:DistinguishedFolderId Id="inbox"/>`
	value := func(uri, v string) string {
		return `<t:IsEqualTo><t:FieldURI FieldURI="` + uri + `"/><t:FieldURIOrConstant><t:Constant Value="` + v + `"/></t:FieldURIOrConstant></t:IsEqualTo>`
	}
	for _, tc := range []struct {
		name, kind, where, in string
		want                  ews.Restriction
		from                  ews.FolderRef
		fails                 error
		says                  string
	}{
		{"an unknown field", "SearchFolder", value("item:IsResend", "true"), inbox, ews.TextField("item:IsResend").Is("true"), ews.Inbox, nil, ""},
		{"a constant that is none of its type", "SearchFolder", value("item:Size", "many"), inbox, ews.TextField("item:Size").Is("many"), ews.Inbox, nil, ""},
		{"a time with fractions and a zone", "SearchFolder", value("item:DateTimeReceived", "2026-11-01T09:00:00.5+01:00"), inbox,
			ews.Compare{Field: ews.FieldReceived, Op: ews.IsEqualTo, Value: time.Date(2026, 11, 1, 8, 0, 0, 5e8, time.UTC)}, ews.Inbox, nil, ""},
		{"a mask in hexadecimal", "SearchFolder", `<t:Excludes><t:FieldURI FieldURI="item:Flags"/><t:Bitmask Value="0x10"/></t:Excludes>`, inbox,
			ews.Excludes{Field: ews.NumberField("item:Flags"), Mask: 16}, ews.Inbox, nil, ""},
		{"another mailbox's folder", "SearchFolder", value("message:IsRead", "0"), `<t:DistinguishedFolderId Id="drafts"><t:Mailbox><t:EmailAddress>o@example.com</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`,
			ews.FieldRead.Is(false), ews.Drafts.In("o@example.com"), nil, ""},
		{"an element of the wrong name", "Folder", value("message:IsRead", "true"), inbox, ews.FieldRead.Is(true), ews.Inbox, nil, ""},
		{"words near each other", "SearchFolder", `<t:Near Distance="3" Ordered="true"/>`, inbox, nil, nil, ews.ErrBadItem, "Near"},
		{"one within an Or", "SearchFolder", `<t:Or>` + value("message:IsRead", "true") + `<t:Near/></t:Or>`, inbox, nil, nil, ews.ErrBadItem, "Near"},
		{"a Not of two", "SearchFolder", `<t:Not>` + value("message:IsRead", "true") + value("message:IsRead", "true") + `</t:Not>`, inbox, nil, nil, ews.ErrBadItem, "Not"},
		{"no field", "SearchFolder", `<t:Exists/>`, inbox, nil, nil, ews.ErrBadItem, "no field"},
		{"a property of a type it has not", "SearchFolder", `<t:IsEqualTo><t:ExtendedFieldURI PropertyTag="0x1090" PropertyType="Integer"/><t:FieldURIOrConstant><t:Constant Value="x"/></t:FieldURIOrConstant></t:IsEqualTo>`, inbox, nil, nil, ews.ErrBadItem, "0x1090"},
		{"no condition", "SearchFolder", ``, inbox, nil, nil, ews.ErrBadItem, "no condition"},
		{"no folders", "SearchFolder", value("message:IsRead", "true"), ``, nil, nil, ews.ErrBadItem, "no folders"},
		{"1,001 parts", "SearchFolder", `<t:Or>` + strings.Repeat(value("message:IsRead", "true"), 1000) + `</t:Or>`, inbox, nil, nil, ews.ErrTooLarge, "restriction"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rt := &script{answers: []answer{searchFolderAnswer(tc.kind, tc.where, tc.in)}}
			f, err := newClient(t, rt, nil).Own().SearchFolder(t.Context(), ews.FolderID{ID: "F1"})
			if tc.fails != nil {
				require.ErrorIs(t, err, tc.fails)
				require.ErrorContains(t, err, tc.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []ews.FolderRef{tc.from}, f.In)
			if d := cmp.Diff(tc.want, f.Where); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestHeaderConditionIsKept: a condition on one header field, which this package reads but has no words for, goes back as it came.
func TestHeaderConditionIsKept(t *testing.T) {
	const where = `<t:IndexedFieldURI FieldURI="item:InternetMessageHeader" FieldIndex="X-Ticket"`
	folder := ews.FolderID{ID: "F1"}
	one := []answer{searchFolderAnswer("SearchFolder", `<t:Exists>`+where+`/></t:Exists>`, `<t:FolderId Id="F2"/>`)}
	f, err := newClient(t, &script{answers: one}, nil).Own().SearchFolder(t.Context(), folder)
	require.NoError(t, err)
	c, rec := recordingClient(t)
	require.NoError(t, c.Own().UpdateSearchFolder(t.Context(), folder, f))
	require.Contains(t, rec.bodies[1], where)
}

// TestFieldsReadAsTheyAre: each Field constant is read back as itself.
func TestFieldsReadAsTheyAre(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "field.go", nil, 0)
	require.NoError(t, err)
	n := 0
	for _, decl := range file.Decls {
		g, ok := decl.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			typ, ok := v.Type.(*ast.Ident)
			if !ok || !strings.HasPrefix(v.Names[0].Name, "Field") {
				continue
			}
			uri, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			one := []answer{searchFolderAnswer("SearchFolder", `<t:Exists><t:FieldURI FieldURI="`+uri+`"/></t:Exists>`, `<t:FolderId Id="F2"/>`)}
			f, err := newClient(t, &script{answers: one}, nil).Own().SearchFolder(t.Context(), ews.FolderID{ID: "F1"})
			require.NoError(t, err)
			want := map[string]ews.Field{"TextField": ews.TextField(uri), "TimeField": ews.TimeField(uri), "NumberField": ews.NumberField(uri),
				"BoolField": ews.BoolField(uri), "ImportanceField": ews.ImportanceField(uri)}[typ.Name]
			require.Equal(t, ews.Exists{Field: want}, f.Where, v.Names[0].Name)
			n++
		}
	}
	require.Greater(t, n, 30)
}
