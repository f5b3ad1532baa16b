package fake

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
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

// This file reads the part of the Kusto Query Language that queries of Azure
// Resource Graph for single tables are written in. A query is compiled to stages
// of functions, and its expressions are checked for their types on the way, by
// the signatures of https://github.com/microsoft/Kusto-Query-Language.

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

// kqlType is the type of an expression.
type kqlType string

const (
	kqlString   kqlType = "string" // never null
	kqlNumber   kqlType = "long"   // and real
	kqlBool     kqlType = "bool"
	kqlDatetime kqlType = "datetime"
	kqlTimespan kqlType = "timespan" // an argument only
	kqlDynamic  kqlType = "dynamic"  // what JSON has; known for each row only
)

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

// convert returns a value as one of the type, or nil for null.
func (t kqlType) convert(value any) any {
	if t == kqlString {
		return kqlText(value)
	}
	if text, ok := value.(string); ok {
		var err error
		switch t {
		case kqlDatetime:
			value, err = kqlTime(text)
		case kqlNumber:
			value, err = strconv.ParseFloat(strings.TrimSpace(text), 64)
		case kqlBool:
			value, err = strconv.ParseBool(strings.ToLower(text))
		}
		if err != nil {
			return nil
		}
	}
	if t != kqlDynamic && t != kqlTypeOf(value) {
		return nil
	}
	return value
}

func kqlTypeOf(value any) kqlType {
	switch value.(type) {
	case string:
		return kqlString
	case float64:
		return kqlNumber
	case bool:
		return kqlBool
	case time.Time:
		return kqlDatetime
	case time.Duration:
		return kqlTimespan
	}
	return kqlDynamic
}

// kqlTime reads a time; one without a zone is UTC.
func kqlTime(text string) (t time.Time, err error) {
	text = strings.Replace(strings.TrimSpace(text), " ", "T", 1)
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly} {
		if t, err = time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return t, err
}

// kqlText returns the text of a value; that of null is empty.
func kqlText(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case time.Time:
		return value.Format("2006-01-02T15:04:05.0000000Z")
	}
	text, _ := json.Marshal(value, json.Deterministic(true)) // a value of JSON
	return string(text)
}

// kqlOperator is a binary operator: it has one of the functions.
type kqlOperator struct {
	order func(sign int) bool // of two values of a type that has an order
	equal bool                // the order is that of equal values, which all types have
	text  func(value, pattern string) bool
	each  string // the operator that one value of a list must satisfy
}

// kqlOperators are the binary operators. Each has a negative, with ! before the
// name or, for two, instead of the first =.
var kqlOperators = map[string]kqlOperator{
	"==":         {order: func(sign int) bool { return sign == 0 }, equal: true},
	"<":          {order: func(sign int) bool { return sign < 0 }},
	"<=":         {order: func(sign int) bool { return sign <= 0 }},
	">":          {order: func(sign int) bool { return sign > 0 }},
	">=":         {order: func(sign int) bool { return sign >= 0 }},
	"=~":         {text: strings.EqualFold},
	"contains":   {text: ignoringCase(strings.Contains)},
	"startswith": {text: ignoringCase(strings.HasPrefix)},
	"endswith":   {text: ignoringCase(strings.HasSuffix)},
	"in":         {each: "=="},
	"in~":        {each: "=~"},
}

func ignoringCase(compare func(a, b string) bool) func(a, b string) bool {
	return func(a, b string) bool { return compare(strings.ToLower(a), strings.ToLower(b)) }
}

// kqlFunction is a function of scalars.
type kqlFunction struct {
	parameters []kqlType // kqlDynamic takes any type, and the others take kqlDynamic
	required   int
	result     kqlType
	call       func(r *kqlRow, args []any) any // with the arguments that there are, converted to the types of the parameters
}

var kqlFunctions = map[string]kqlFunction{
	"tostring":   kqlConversion(kqlString),
	"todatetime": kqlConversion(kqlDatetime),
	"tobool":     kqlConversion(kqlBool),
	"bool":       kqlConversion(kqlBool),
	"toint":      kqlConversion(kqlNumber),
	"tolong":     kqlConversion(kqlNumber),
	"toreal":     kqlConversion(kqlNumber),
	"todouble":   kqlConversion(kqlNumber),

	"tolower":    {[]kqlType{kqlString}, 1, kqlString, func(_ *kqlRow, args []any) any { return strings.ToLower(args[0].(string)) }},
	"toupper":    {[]kqlType{kqlString}, 1, kqlString, func(_ *kqlRow, args []any) any { return strings.ToUpper(args[0].(string)) }},
	"isempty":    {[]kqlType{kqlDynamic}, 1, kqlBool, func(_ *kqlRow, args []any) any { return kqlText(args[0]) == "" }},
	"isnotempty": {[]kqlType{kqlDynamic}, 1, kqlBool, func(_ *kqlRow, args []any) any { return kqlText(args[0]) != "" }},
	"isnull":     {[]kqlType{kqlDynamic}, 1, kqlBool, func(_ *kqlRow, args []any) any { return args[0] == nil }},
	"isnotnull":  {[]kqlType{kqlDynamic}, 1, kqlBool, func(_ *kqlRow, args []any) any { return args[0] != nil }},
	"not":        {[]kqlType{kqlBool}, 1, kqlBool, func(_ *kqlRow, args []any) any { return kqlNot(args[0]) }},
	"now": {[]kqlType{kqlTimespan}, 0, kqlDatetime, func(r *kqlRow, args []any) any {
		if len(args) == 0 {
			return r.now.UTC()
		}
		return r.now.UTC().Add(args[0].(time.Duration))
	}},
	"ago": {[]kqlType{kqlTimespan}, 1, kqlDatetime, func(r *kqlRow, args []any) any { return r.now.UTC().Add(-args[0].(time.Duration)) }},
}

func kqlConversion(to kqlType) kqlFunction {
	return kqlFunction{[]kqlType{kqlDynamic}, 1, to, func(_ *kqlRow, args []any) any { return to.convert(args[0]) }}
}

// kqlNot negates; not null is null.
func kqlNot(value any) any {
	if value, ok := value.(bool); ok {
		return !value
	}
	return nil
}

// kqlOrder compares two values of a type; ok is false if they have no order.
func kqlOrder(a, b any) (sign int, ok bool) {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return 0, false
	}
	switch a := a.(type) {
	case string:
		return strings.Compare(a, b.(string)), true
	case float64:
		return cmp.Compare(a, b.(float64)), true
	case time.Time:
		return a.Compare(b.(time.Time)), true
	case bool:
		return cmp.Compare(kqlText(a), kqlText(b)), true
	}
	return 0, false
}

// evaluate returns true, false or nil for null: null equals nothing, not even
// null, and has no order.
func (o kqlOperator) evaluate(a, b any) any {
	if o.text != nil {
		return o.text(kqlText(a), kqlText(b))
	}
	sign, ok := kqlOrder(a, b)
	switch {
	case ok:
		return o.order(sign)
	case !o.equal || a == nil && b == nil:
		return nil
	}
	return reflect.DeepEqual(a, b)
}

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
	`|!?(?:in~|[\pL_][\pL\d_]*)|[=!]~|[=!<>]=|[=<>|()\[\],.;+-]` +
	`|(.))`)

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

// kqlExpr is a compiled expression.
type kqlExpr struct {
	kqlType
	name     string // of its column in the result, if it gets no other
	column   string // that it is; empty if it is none
	ofType   string // as in kqlQuery, of the rows that have the predicate
	constant any
	eval     func(r *kqlRow) any
}

// kqlDepth bounds how deep expressions are nested.
const kqlDepth = 100

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
	p.refuse(t, "ParserFailure", "ParserFailure", expected)
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
	}
	for _, name := range names {
		p.changed[name] = p.changed[name] || !p.isColumn(values[name], name)
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

func (p *kqlParser) expression() kqlExpr {
	p.deeper()
	defer func() { p.depth-- }()
	return p.logical("or", true, func() kqlExpr { return p.logical("and", false, p.comparison) })
}

func (p *kqlParser) deeper() {
	if p.depth++; p.depth > kqlDepth {
		p.refuse(p.tokens[0], "ParserFailure", "The expression is nested too deeply.", "")
	}
}

// logical reads operands with a word between them.
//   - decisive: the value of an operand that decides the result
func (p *kqlParser) logical(word string, decisive bool, operand func() kqlExpr) kqlExpr {
	at := p.tokens[0]
	first := operand()
	if !p.is(word) {
		return first
	}
	p.checkBool(at, first)
	operands, ofType := []kqlExpr{first}, first.ofType
	for p.accept(word) {
		at := p.tokens[0]
		e := operand()
		p.checkBool(at, e)
		operands = append(operands, e)
		ofType = cmp.Or(ofType, e.ofType)
	}
	if decisive { // one operand of several
		ofType = ""
	}
	return kqlExpr{kqlType: kqlBool, ofType: ofType, eval: func(r *kqlRow) any {
		result := any(!decisive)
		for _, o := range operands {
			switch o.eval(r) {
			case decisive:
				return decisive
			case nil:
				result = nil
			}
		}
		return result
	}}
}

func (p *kqlParser) comparison() kqlExpr {
	left := p.operand()
	t := p.tokens[0]
	name, negated := strings.CutPrefix(t.text, "!")
	if negated && (name == "=" || name == "~") {
		name = "=" + name // != is not ==, !~ is not =~
	}
	operator, ok := kqlOperators[name]
	if !ok || t.kqlType != "" {
		return left
	}
	p.next()
	var e kqlExpr
	if operator.each != "" {
		e = p.compareList(t, kqlOperators[operator.each], left)
	} else {
		e = p.compare(t, operator, left, p.operand())
	}
	if negated {
		return kqlExpr{kqlType: kqlBool, eval: func(r *kqlRow) any { return kqlNot(e.eval(r)) }}
	}
	return e
}

// compare checks the types of a comparison.
func (p *kqlParser) compare(at kqlToken, operator kqlOperator, left, right kqlExpr) kqlExpr {
	common := left.kqlType
	if common == kqlDynamic {
		common = right.kqlType
	}
	same := left.kqlType == right.kqlType
	switch dynamic := left.kqlType == kqlDynamic || right.kqlType == kqlDynamic; {
	case left.kqlType == kqlTimespan || right.kqlType == kqlTimespan,
		operator.text != nil && (right.kqlType != kqlString || common != kqlString),
		operator.text == nil && !same && !dynamic,
		operator.text == nil && !operator.equal && (!same && common != kqlNumber || common == kqlString || common == kqlBool):
		p.failType(at, "Cannot compare values of types %s and %s with '%s'. Try adding explicit casts", left.kqlType, right.kqlType, at.text)
	}
	e := kqlExpr{kqlType: kqlBool, eval: func(r *kqlRow) any {
		return operator.evaluate(common.convert(left.eval(r)), common.convert(right.eval(r)))
	}}
	if text, ok := right.constant.(string); ok && p.isColumn(left, "type") && (operator.equal || at.text == "=~") {
		e.ofType = strings.ToLower(text)
	}
	return e
}

// compareList reads a list, of which one value must satisfy the operator.
func (p *kqlParser) compareList(at kqlToken, operator kqlOperator, left kqlExpr) kqlExpr {
	var each []kqlExpr
	p.expect("(")
	for more := true; more; more = p.accept(",") {
		each = append(each, p.compare(at, operator, left, p.operand()))
	}
	p.expect(")")
	return kqlExpr{kqlType: kqlBool, eval: func(r *kqlRow) any {
		return slices.ContainsFunc(each, func(one kqlExpr) bool { return one.eval(r) == true })
	}}
}

// isColumn returns whether an expression is a column of the table, unchanged.
func (p *kqlParser) isColumn(e kqlExpr, name string) bool {
	return e.column == name && !p.changed[name]
}

// operand reads a value and the path of a part of it.
func (p *kqlParser) operand() kqlExpr {
	e := p.primary()
	var path []any
	names := []string{e.name}
	for p.is(".", "[") {
		t := p.next()
		if e.kqlType != kqlDynamic {
			p.failType(t, "A value of type %s has no members", e.kqlType)
		}
		var step any
		switch at := p.tokens[0]; {
		case t.text == "." && p.isName():
			step = p.next().text
		case t.text == "[" && at.kqlType == kqlString:
			step = p.next().value
			p.expect("]")
		case t.text == "[":
			sign := 1.0
			if p.accept("-") {
				sign = -1
			}
			index := p.next()
			if index.kqlType != kqlNumber {
				p.fail(index, "")
			}
			step = sign * index.value.(float64)
			p.expect("]")
		default:
			p.fail(at, "")
		}
		path, names = append(path, step), append(names, kqlText(step))
	}
	if path == nil {
		return e
	}
	return kqlExpr{kqlType: kqlDynamic, name: strings.Join(names, "_"), eval: func(r *kqlRow) any { return kqlMember(e.eval(r), path) }}
}

// kqlMember returns the part of a value at a path of names and indexes, from the
// end if they are negative. It is nil if there is none.
func kqlMember(value any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case float64:
			array, _ := value.([]any)
			if step < 0 {
				step += float64(len(array))
			}
			if value = nil; step >= 0 && step < float64(len(array)) {
				value = array[int(step)]
			}
		}
	}
	return value
}

func (p *kqlParser) primary() kqlExpr {
	t := p.tokens[0]
	switch {
	case t.kqlType != "":
		p.next()
		return kqlExpr{kqlType: t.kqlType, constant: t.value, eval: func(*kqlRow) any { return t.value }}
	case p.is("+", "-") && (p.tokens[1].kqlType == kqlNumber || p.tokens[1].kqlType == kqlTimespan):
		sign := map[string]float64{"+": 1, "-": -1}[p.next().text]
		value := p.next().value
		switch v := value.(type) {
		case float64:
			value = sign * v
		case time.Duration:
			value = time.Duration(sign) * v
		}
		return kqlExpr{kqlType: kqlTypeOf(value), constant: value, eval: func(*kqlRow) any { return value }}
	case p.accept("("):
		e := p.expression()
		p.expect(")")
		return e
	case p.accept("true", "True", "TRUE", "false", "False", "FALSE"):
		value := strings.EqualFold(t.text, "true")
		return kqlExpr{kqlType: kqlBool, constant: value, eval: func(*kqlRow) any { return value }}
	case !p.isName():
		p.fail(t, "")
	case p.tokens[1].text == "(":
		return p.call()
	}
	p.next()
	kind, ok := p.columns[t.text]
	if !ok {
		p.failType(t, "Failed to resolve column or scalar expression named '%s'", t.text)
	}
	return kqlExpr{kqlType: kind, name: t.text, column: t.text, eval: func(r *kqlRow) any { return kind.convert(r.value(t.text)) }}
}

func (p *kqlParser) call() kqlExpr {
	name := p.next()
	f, ok := kqlFunctions[name.text]
	if !ok {
		p.refuse(name, "UnknownFunction", "Unknown function: '"+name.text+"'.", "")
	}
	p.expect("(")
	var args []kqlExpr
	for more := !p.is(")"); more; more = p.accept(",") {
		at := p.tokens[0]
		e := p.expression()
		if len(args) == len(f.parameters) {
			p.failType(at, "%s(): function expects %d argument(s).", name.text, len(f.parameters))
		}
		want := f.parameters[len(args)]
		converts := want == kqlDynamic || e.kqlType == kqlDynamic && want != kqlBool && want != kqlTimespan
		if e.kqlType != want && !converts {
			p.failType(at, "%s(): argument #%d must be of type %s, not %s", name.text, len(args)+1, want, e.kqlType)
		}
		args = append(args, e)
	}
	p.expect(")")
	if len(args) < f.required {
		p.failType(name, "%s(): function expects %d argument(s).", name.text, len(f.parameters))
	}
	e := kqlExpr{kqlType: f.result, eval: func(r *kqlRow) any {
		values := make([]any, len(args))
		for i, arg := range args {
			values[i] = f.parameters[i].convert(arg.eval(r))
		}
		return f.call(r, values)
	}}
	if len(args) == 1 && strings.HasPrefix(name.text, "to") && f.parameters[0] == kqlDynamic {
		e.name = args[0].name // a conversion keeps it
	}
	return e
}
