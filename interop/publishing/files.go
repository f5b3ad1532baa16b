package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/google/uuid"
)

// choice is which workspaces are published to.
type choice struct {
	file    string // with their resource ids and tenant ids; empty for all with Microsoft Sentinel
	exclude string // file with the resource ids of those that aren't; empty for none
}

// workspaces returns the workspaces that are chosen, those of a file in its order. It
// lists those of Azure only if there is no file.
func (c choice) workspaces(ctx context.Context, credential azcore.TokenCredential, options arm.ClientOptions, centralID string) (chosen []workspace, err error) {
	excluded := map[string]bool{} // by the keys of their ids
	if c.exclude != "" {
		workspaces, err := readFile(c.exclude, parseWorkspace)
		if err != nil {
			return nil, err
		}
		for _, w := range workspaces {
			excluded[key(w.id)] = true
		}
	}
	if c.file != "" {
		chosen, err = readFile(c.file, parseMember)
	} else {
		chosen, err = sentinelWorkspaces(ctx, credential, options, centralID)
	}
	return slices.DeleteFunc(chosen, func(w workspace) bool { return excluded[key(w.id)] }), err
}

// parseMember returns the workspace of a line, whose tenant must be there.
func parseMember(line string) (workspace, error) {
	w, err := parseWorkspace(line)
	if err == nil && uuid.Validate(w.tenantID) != nil {
		err = fmt.Errorf("%q has no tenant id after the resource id", line)
	}
	return w, err
}

// parseWorkspace returns the workspace of a line, which may have its tenant.
func parseWorkspace(line string) (workspace, error) {
	fields := append(strings.Fields(line), "")
	id, err := arm.ParseResourceID(fields[0])
	if err != nil {
		return workspace{}, err
	}
	if len(fields) > 3 || !isWorkspace(id) || id.ResourceGroupName == "" {
		return workspace{}, fmt.Errorf("%q is not a workspace", line)
	}
	if uuid.Validate(id.SubscriptionID) != nil {
		return workspace{}, fmt.Errorf("%q is not a workspace: the id of its subscription must be a UUID", line)
	}
	return workspace{id.String(), fields[1]}, nil // without a slash at its end
}

func isWorkspace(id *arm.ResourceID) bool {
	return strings.EqualFold(id.ResourceType.String(), "Microsoft.OperationalInsights/workspaces")
}

// parseID returns the resource id of a line, without what follows a tab, as writeRules
// writes it, also of one that nightly writes of what is left over.
func parseID(line string) (string, error) {
	id, _, _ := strings.Cut(line, "\t")
	id = strings.TrimSpace(strings.TrimPrefix(id, leftOver))
	if strings.HasPrefix(id, "subscriptions/") { // as examples of the REST API have that of a saved search
		id = "/" + id
	}
	parsed, err := arm.ParseResourceID(id)
	if err != nil {
		return "", err
	}
	return parsed.String(), nil // without a slash at its end
}

// readFile returns what parse makes of the lines of a file. A file without any is an
// error: the program that writes it may have failed.
func readFile[T any](name string, parse func(line string) (T, error)) ([]T, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	found, err := readLines(file, parse)
	if err == nil && len(found) == 0 {
		err = errors.New("no ids")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return found, nil
}

// readLines returns what parse makes of the lines that aren't empty.
func readLines[T any](r io.Reader, parse func(line string) (T, error)) (found []T, err error) {
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		value, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		found = append(found, value)
	}
	return found, lines.Err()
}
