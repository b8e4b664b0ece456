package Exposure::Schema;

# A second reader of the JSON schemas in api/, independent of lib/schema.c: the
# suites hold what the server sends against the written contract. Keywords it
# does not know and that constrain make it die, so that nothing goes unchecked.
# Source: JSON Schema 2020-12.

use strict;
use warnings;

use B ();
use JSON::PP ();
use Scalar::Util ();

my %KNOWN = map { $_ => 1 } qw(
    $schema $id $ref $defs title description default examples example format
    type properties required additionalProperties items minItems maxItems
    minimum maximum exclusiveMinimum minLength maxLength pattern enum const
    oneOf anyOf allOf nullable readOnly contentMediaType deprecated);

# document: what $ref is looked up in. Returns the complaints, none when valid.
sub check {
    my ($document, $schema, $value, $at) = @_;
    $at = '' unless defined $at;

    return () if JSON::PP::is_bool($schema) && $schema;
    for (keys %$schema) {
        die "schema keyword $_ is not known here\n" unless $KNOWN{$_} || /^x-/;
    }

    if (my $ref = $schema->{'$ref'}) {
        $document = file($1) if $ref =~ s/^([\w.]+\.json)(?=#|$)//;
        return check($document, lookup($document, $ref || '#'), $value, $at);
    }

    my @wrong;
    push @wrong, of_type($schema->{type}, $value, $at) if $schema->{type};
    return @wrong if @wrong;

    push @wrong, "$at is not one of its values" if $schema->{enum}
        && !grep { same($_, $value) } @{$schema->{enum}};
    push @wrong, "$at is not its constant" if exists $schema->{const}
        && !same($schema->{const}, $value);

    push @wrong, object($document, $schema, $value, $at) if ref $value eq 'HASH';
    push @wrong, array($document, $schema, $value, $at) if ref $value eq 'ARRAY';
    push @wrong, scalar_value($schema, $value, $at) if defined $value && !ref $value;

    push @wrong, map { check($document, $_, $value, $at) } @{$schema->{allOf} || []};
    for my $how (grep { $schema->{$_} } qw(oneOf anyOf)) {
        my $fit = grep { !check($document, $_, $value, $at) } @{$schema->{$how}};
        push @wrong, "$at fits $fit of $how"
            if $how eq 'oneOf' ? $fit != 1 : $fit == 0;
    }
    return @wrong;
}

sub lookup {
    my ($document, $ref) = @_;
    my $node = $document;

    die "reference $ref leaves the document\n" unless $ref =~ s{^#/?}{};
    for my $step (split m{/}, $ref) {
        $node = $node->{$step} or die "reference $ref leads nowhere\n";
    }
    return $node;
}

# A neighbour of the contract, from api/.
sub file {
    my ($name) = @_;
    our %files;

    return $files{$name} ||= do {
        local (@ARGV, $/) = "api/$name";
        JSON::PP::decode_json(<>);
    };
}

sub of_type {
    my ($type, $value, $at) = @_;
    my $is = !defined $value ? 'null' : JSON::PP::is_bool($value) ? 'boolean'
        : ref $value eq 'HASH' ? 'object' : ref $value eq 'ARRAY' ? 'array'
        : is_number($value) ? 'number' : 'string';
    my $whole = $is eq 'number' && $value == int $value;

    for my $t (ref $type ? @$type : $type) {
        return () if $t eq $is || $t eq 'integer' && $whole;
    }
    return ("$at is a $is");
}

sub object {
    my ($document, $schema, $value, $at) = @_;
    my $properties = $schema->{properties} || {};
    my $more = $schema->{additionalProperties};
    my @wrong = map { "$at.$_ is missing" }
        grep { !exists $value->{$_} } @{$schema->{required} || []};

    for my $name (sort keys %$value) {
        if ($properties->{$name}) {
            push @wrong, check($document, $properties->{$name}, $value->{$name},
                               "$at.$name");
        } elsif (defined $more && JSON::PP::is_bool($more) && !$more) {
            push @wrong, "$at.$name is not known";
        } elsif (ref $more eq 'HASH') {
            push @wrong, check($document, $more, $value->{$name}, "$at.$name");
        }
    }
    return @wrong;
}

sub array {
    my ($document, $schema, $value, $at) = @_;
    my $n = @$value;
    my @wrong;

    push @wrong, "$at has $n items" if $n < ($schema->{minItems} || 0)
        || defined $schema->{maxItems} && $n > $schema->{maxItems};
    push @wrong, map { check($document, $schema->{items}, $value->[$_], "$at\[$_]") }
        0 .. $#$value if $schema->{items};
    return @wrong;
}

sub scalar_value {
    my ($schema, $value, $at) = @_;
    my %s = %$schema;

    if (is_number($value)) {
        return "$at is $value" if defined $s{minimum} && $value < $s{minimum}
            || defined $s{maximum} && $value > $s{maximum}
            || defined $s{exclusiveMinimum} && $value <= $s{exclusiveMinimum};
        return ();
    }

    my $n = length $value;
    return "$at has $n characters" if $n < ($s{minLength} || 0)
        || defined $s{maxLength} && $n > $s{maxLength};
    return "$at is not like $s{pattern}" if defined $s{pattern}
        && $value !~ /$s{pattern}/;
    return ();
}

# As it came out of JSON: a number was never quoted.
sub is_number {
    my ($value) = @_;
    return 0 if ref $value;
    my $flags = B::svref_2object(\$value)->FLAGS;
    return $flags & (B::SVf_IOK | B::SVf_NOK) && !($flags & B::SVf_POK);
}

sub same {
    my ($a, $b) = @_;
    my $json = JSON::PP->new->canonical->allow_nonref;
    return $json->encode($a) eq $json->encode($b);
}

1;
