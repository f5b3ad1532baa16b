package fake

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// These two files read the part of the Kusto Query Language that queries of Azure
// Resource Graph for single tables are written in. This one reads a query and
// compiles it to stages, which are functions on rows; kqlexpr.go reads and compiles
// the expressions in it.

// kqlQuery is a query that was read.
type kqlQuery struct {
	table    string   // in lower case
	ofType   string   // the type, in lower case, that all rows of the result have; empty if the query doesn't say
	columns  []string // of the result
	hasLimit bool
	ordered  bool // otherwise than by id, the order of the rows of a table

	stages []func(rows []*kqlRow) []*kqlRow
}

// kqlError says what is wrong with a query, as a detail of Azure's error does.
type kqlError struct {
	Code      string // ParserFailure, UnknownFunction or SemanticError
	Message   string
	Line      int // from 1
	Character int // in the line, from 0
	Token     string
	Expected  string // empty if several tokens are possible
}

// kqlRow is a row on its way through the stages. A cell is a value of package
// json or a jsontext.Value, which is decoded when an expression needs it.
type kqlRow struct {
	key     string // of its resource
	cells   map[string]any
	decoded map[string]any
	now     time.Time
}

func (r *kqlRow) value(column string) any {
	raw, ok := r.cells[column].(jsontext.Value)
	if !ok {
		return r.cells[column]
	}
	if _, ok := r.decoded[column]; !ok {
		var value any
		_ = json.Unmarshal(raw, &value) // what isn't JSON is null
		if r.decoded == nil {
			r.decoded = map[string]any{}
		}
		r.decoded[column] = value
	}
	return r.decoded[column]
}

// run returns the result of the query for the rows of its table.
func (q *kqlQuery) run(rows []*kqlRow) []*kqlRow {
	for _, stage := range q.stages {
		rows = stage(rows)
	}
	return rows
}

// encode returns a row of the result.
func (q *kqlQuery) encode(r *kqlRow) jsontext.Value {
	text := []byte("{")
	for i, name := range q.columns {
		if i > 0 {
			text = append(text, ',')
		}
		text, _ = jsontext.AppendQuote(text, name) // a name is valid UTF-8
		value := r.cells[name]
		if f, ok := value.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			value = nil // which JSON doesn't have
		}
		text = append(append(text, ':'), mustEncode(value)...)
	}
	return append(text, '}')
}

// kqlColumns are the columns of all tables.
var kqlColumns = []struct {
	name string
	kqlType
}{
	{"id", kqlString}, {"name", kqlString}, {"type", kqlString}, {"tenantId", kqlString}, {"kind", kqlString}, {"location", kqlString},
	{"resourceGroup", kqlString}, {"subscriptionId", kqlString}, {"managedBy", kqlString}, {"sku", kqlDynamic}, {"plan", kqlDynamic},
	{"properties", kqlDynamic}, {"tags", kqlDynamic}, {"identity", kqlDynamic}, {"zones", kqlDynamic}, {"extendedLocation", kqlDynamic},
}

// kqlNullColumns are members of resources that the tables don't have.
var kqlNullColumns = []string{"etag", "systemData"}

// kqlToken is a token of a query: a name or word, an operator, or a value, which
// alone has a type.
type kqlToken struct {
	text   string
	offset int
	kqlType
	value any
}

// kqlEnd is the token after the last one.
const kqlEnd = "<EOF>"

// kqlLexer has the tokens: spaces and comments, strings, times, numbers and time
// spans, names and words, operators, and the start of no token.
var kqlLexer = regexp.MustCompile(`^(?:(\s+|//[^\n\r]*)` +
	`|('(?:[^'\\\n\r]|\\.)*'|"(?:[^"\\\n\r]|\\.)*")` +
	`|datetime\s*\(\s*(\d[^()]*|'[^'()]*'|"[^"()]*"|null)\s*\)` +
	`|(\d+(?:\.\d+)?(?:e[+-]?\d+)?)([\pL\d_]*)` +
	`|(?:mv|project)-[a-z]+|!?(?:in~|[\pL_][\pL\d_]*)|[=!]~|[=!<>]=|[=<>|()\[\]{},.;:+*/%@$-]` +
	`|(.))`)

// kqlUnread are the operators and tables, in lower case, that Azure Resource Graph
// documents and the server doesn't read, and functions that queries of it often have.
var kqlUnread = strings.Fields(`
	count distinct join mv-expand mvexpand parse project-away summarize top union nulls
	has has_cs has_any has_all hasprefix hassuffix contains_cs startswith_cs endswith_cs between matches + - * / %
	array_length bag_keys bin case coalesce datetime_add datetime_diff dynamic extract format_datetime iff iif indexof
	pack parse_json replace_string round split startofday strcat strlen substring todynamic trim
	advisorresources alertsmanagementresources appserviceresources authorizationresources awsresources azurebusinesscontinuityresources
	chaosresources communitygalleryresources computeresources desktopvirtualizationresources dnsresources edgeorderresources
	elasticsanresources extendedlocationresources featureresources guestconfigurationresources healthresourcechanges healthresources
	insightsresources iotsecurityresources kubernetesconfigurationresources kustoresources maintenanceresources managedservicesresources
	migrateresources networkresources orbitalresources patchassessmentresources patchinstallationresources recoveryservicesresources
	resourcechanges resourcecontainerchanges servicefabricresources servicehealthresources spotresources
	supportresources tagsresources`)

// kqlMessage returns the message of an error about a word, unless that is one of
// kqlUnread: then the query isn't wrong.
func kqlMessage(word, message string) string {
	if slices.Contains(kqlUnread, strings.TrimPrefix(word, "!")) {
		return "The fake server doesn't read '" + word + "'; Azure does."
	}
	return message
}

// kqlUnits are the units of time spans.
var kqlUnits = map[string]time.Duration{
	"d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second, "ms": time.Millisecond,
}

// readTokens cuts the query into tokens.
func (p *kqlParser) readTokens() {
	for offset := 0; offset < len(p.query); {
		rest := p.query[offset:]
		at := kqlLexer.FindStringSubmatchIndex(rest)
		has := func(n int) bool { return at[2*n] >= 0 }
		group := func(n int) string { return rest[max(at[2*n], 0):max(at[2*n+1], 0)] }
		t := kqlToken{text: group(0), offset: offset}
		offset += len(t.text)
		ok := true
		switch {
		case has(1):
			continue
		case has(2):
			t.kqlType = kqlString
			t.value, ok = kqlUnquote(group(2))
		case has(3):
			t.kqlType, t.value = kqlDatetime, kqlDatetime.convert(strings.Trim(group(3), "'\""))
			ok = t.value != nil || group(3) == "null"
		case has(4):
			number, err := strconv.ParseFloat(group(4), 64)
			t.kqlType, t.value = kqlNumber, number
			if unit := float64(kqlUnits[group(5)]); unit > 0 {
				t.kqlType, t.value = kqlTimespan, time.Duration(min(number*unit, math.MaxInt64/2))
			}
			ok = err == nil && (t.kqlType == kqlTimespan || group(5) == "")
		case has(6):
			if t.text == "'" || t.text == `"` { // a string without an end
				p.fail(kqlToken{text: kqlEnd, offset: len(p.query)}, t.text)
			}
			ok = false
		}
		if !ok {
			p.fail(t, "")
		}
		p.tokens = append(p.tokens, t)
	}
	p.tokens = append(p.tokens, kqlToken{text: kqlEnd, offset: len(p.query)}, kqlToken{})
}

// kqlUnquote returns the value of a string with escape sequences, which are Go's.
func kqlUnquote(literal string) (value string, ok bool) {
	var text []rune
	for rest := literal[1 : len(literal)-1]; rest != ""; {
		var quote byte // that is escaped: both kinds of strings may escape both
		if rest[0] == '\\' && len(rest) > 1 {
			quote = rest[1]
		}
		r, _, tail, err := strconv.UnquoteChar(rest, quote)
		if err != nil {
			return "", false
		}
		text, rest = append(text, r), tail
	}
	return string(text), true
}

// kqlParser reads a query by recursive descent. It panics with a *kqlError.
type kqlParser struct {
	query   string
	tokens  []kqlToken // those not read yet, kqlEnd, and one to look ahead to
	columns map[string]kqlType
	changed map[string]bool // columns that no longer are those of the table
	depth   int
}

// parseKQL reads a query.
func parseKQL(query string) (q *kqlQuery, err *kqlError) {
	defer func() {
		if r := recover(); r != nil {
			q, err = nil, r.(*kqlError) // any other value is a bug
		}
	}()
	p := &kqlParser{query: strings.ToValidUTF8(query, "\ufffd"), columns: map[string]kqlType{}, changed: map[string]bool{}}
	q = &kqlQuery{table: "resources"} // the default
	for _, c := range kqlColumns {
		q.columns, p.columns[c.name] = append(q.columns, c.name), c.kqlType
	}
	for _, name := range kqlNullColumns {
		p.columns[name] = kqlDynamic
	}
	p.readTokens()
	p.readQuery(q)
	if !p.is(kqlEnd) {
		p.fail(p.tokens[0], "")
	}
	return q, nil
}

// is returns whether the next token is one of the words and operators.
func (p *kqlParser) is(texts ...string) bool {
	return p.tokens[0].kqlType == "" && slices.Contains(texts, p.tokens[0].text)
}

func (p *kqlParser) next() kqlToken {
	t := p.tokens[0]
	if t.text != kqlEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

// accept reads the next token if it is one of the words and operators.
func (p *kqlParser) accept(texts ...string) bool {
	found := p.is(texts...)
	if found {
		p.next()
	}
	return found
}

func (p *kqlParser) expect(text string) {
	if !p.accept(text) {
		p.fail(p.tokens[0], text)
	}
}

// fail refuses a token where it is.
//   - expected: empty if several tokens can be there
func (p *kqlParser) fail(t kqlToken, expected string) {
	message := kqlMessage(t.text, "ParserFailure")
	if message != "ParserFailure" {
		expected = ""
	}
	p.refuse(t, "ParserFailure", message, expected)
}

// failType refuses an expression, in the words of Kusto.
func (p *kqlParser) failType(t kqlToken, format string, args ...any) {
	p.refuse(t, "SemanticError", fmt.Sprintf(format, args...), "")
}

func (p *kqlParser) refuse(t kqlToken, code, message, expected string) {
	before := p.query[:t.offset]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	panic(&kqlError{code, message, strings.Count(before, "\n") + 1, utf8.RuneCountInString(line), t.text, expected})
}

func (p *kqlParser) readQuery(q *kqlQuery) {
	if p.isName() && slices.Contains([]string{"|", ";", kqlEnd}, p.tokens[1].text) {
		q.table = strings.ToLower(p.next().text)
	} else {
		p.readStage(q)
	}
	for p.accept("|") {
		p.readStage(q)
	}
	p.accept(";")
}

func (p *kqlParser) isName() bool {
	t := p.tokens[0]
	r, _ := utf8.DecodeRuneInString(t.text)
	return t.kqlType == "" && (r == '_' || unicode.IsLetter(r)) && t.text != "in~"
}

func (p *kqlParser) readStage(q *kqlQuery) {
	switch t := p.next(); t.text {
	case "where", "filter":
		p.readWhere(q)
	case "extend", "project":
		p.readColumns(q, t.text == "project")
	case "order", "sort":
		p.expect("by")
		p.readOrder(q)
	case "limit", "take":
		limit, ok := p.tokens[0].value.(float64)
		if !ok {
			p.fail(p.tokens[0], "")
		}
		p.next()
		q.hasLimit = true
		q.stages = append(q.stages, func(rows []*kqlRow) []*kqlRow { return rows[:int(min(limit, float64(len(rows))))] })
	default:
		p.fail(t, "")
	}
}

func (p *kqlParser) readWhere(q *kqlQuery) {
	at := p.tokens[0]
	predicate := p.expression()
	p.checkBool(at, predicate)
	q.ofType = cmp.Or(q.ofType, predicate.ofType)
	q.stages = append(q.stages, func(rows []*kqlRow) []*kqlRow {
		return slices.DeleteFunc(rows, func(r *kqlRow) bool { return predicate.eval(r) != true })
	})
}

func (p *kqlParser) checkBool(at kqlToken, e kqlExpr) {
	if !p.is("|", ";", ")", ",", "and", "or", kqlEnd) {
		p.fail(p.tokens[0], "")
	}
	if e.kqlType != kqlBool {
		p.failType(at, "Expected a value of type bool, not %s. Try adding an explicit cast", e.kqlType)
	}
}

// readColumns reads columns with expressions, which see the columns before.
//   - only: the columns before are dropped
func (p *kqlParser) readColumns(q *kqlQuery, only bool) {
	values := map[string]kqlExpr{}
	var names []string
	for more := true; more; more = p.accept(",") {
		name := ""
		if p.isName() && p.tokens[1].text == "=" {
			name = p.next().text
			p.next()
		}
		at := p.tokens[0]
		e := p.expression()
		if e.kqlType == kqlTimespan {
			p.failType(at, "A value of type %s can't be a column here", e.kqlType)
		}
		name = cmp.Or(name, e.name, "Column"+strconv.Itoa(len(values)+1))
		values[name], names = e, append(names, name)
	}
	if only {
		q.columns = nil // where it names one of those, it is null
	}
	for _, name := range names {
		if p.columns[name] = values[name].kqlType; !slices.Contains(q.columns, name) {
			q.columns = append(q.columns, name)
		}
		p.changed[name] = !p.isColumn(values[name], name)
	}
	q.stages = append(q.stages, func(rows []*kqlRow) []*kqlRow {
		for _, r := range rows {
			cells := make(map[string]any, len(values))
			if !only {
				maps.Copy(cells, r.cells)
			}
			for name, e := range values {
				if cells[name] = r.cells[e.column]; e.column == "" {
					cells[name] = e.eval(r)
				}
			}
			r.cells, r.decoded = cells, nil
		}
		return rows
	})
}

// readOrder reads what stands after "order by". The order is descending unless
// said otherwise; null comes before any value.
func (p *kqlParser) readOrder(q *kqlQuery) {
	var keys []kqlExpr
	var signs []int
	for more := true; more; more = p.accept(",") {
		at := p.tokens[0]
		key := p.expression()
		if key.kqlType == kqlDynamic {
			p.failType(at, "order operator: key can't be of dynamic type")
		}
		sign := -1
		if p.accept("asc") {
			sign = 1
		} else {
			p.accept("desc")
		}
		keys, signs = append(keys, key), append(signs, sign)
	}
	if !q.ordered && len(keys) == 1 && p.isColumn(keys[0], "id") && signs[0] > 0 {
		return // the rows are in this order
	}
	q.ordered = true
	q.stages = append(q.stages, func(rows []*kqlRow) []*kqlRow {
		values := make(map[*kqlRow][]any, len(rows))
		for _, r := range rows {
			for _, key := range keys {
				values[r] = append(values[r], key.eval(r))
			}
		}
		slices.SortStableFunc(rows, func(a, b *kqlRow) int {
			for i, sign := range signs {
				x, y := values[a][i], values[b][i]
				order, ok := kqlOrder(x, y)
				if !ok {
					order = cmp.Compare(kqlText(x != nil), kqlText(y != nil))
				}
				if order != 0 {
					return order * sign
				}
			}
			return 0
		})
		return rows
	})
}
