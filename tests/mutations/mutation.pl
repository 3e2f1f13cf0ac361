#!/usr/bin/env perl
# Reads mutation files; README.md says what is in one. Needs nothing but perl-base.
#
#   mutation.pl check <source> <file>...   says what is wrong with them; exit status 1 if anything is
#   mutation.pl machine <file>             prints which machine has to catch it
#   mutation.pl files <file>               prints which files of the source it changes
#   mutation.pl apply <source> <file>      changes them
use strict;
use warnings;

# Returns the mutation as {machine, changes => [{file, old, new}]}, or dies with what is wrong.
sub read_mutation {
  my ($path) = @_;
  open(my $in, '<', $path) or die "can't be read: $!\n";
  my @lines = <$in>;
  close($in);
  chomp(@lines);
  my %mutation = (machine => 'simulation', changes => []);
  my ($comment, $file, $part, %text) = ('');
  for my $i (0 .. $#lines) {
    my $line = $lines[$i];
    my $fault = sub { die 'line ' . ($i + 1) . ": $_[0]\n" };
    if ($part) {
      if ($line eq '--- becomes') {
        $fault->('"--- becomes" without "--- this"') if $part ne 'this';
        $part = 'becomes';
      } elsif ($line eq '--- end') {
        $fault->('"--- end" without "--- becomes"') if $part ne 'becomes';
        my $old = join("\n", @{$text{this}});
        my $new = join("\n", @{$text{becomes}});
        $fault->('there is no text to be replaced') if $old eq '';
        $fault->('the text stays as it is') if $old eq $new;
        push(@{$mutation{changes}}, {file => $file, old => $old, new => $new});
        $part = undef;
      } else {
        push(@{$text{$part}}, $line);
      }
    } elsif ($line =~ /^# (.*)/) {
      $fault->('a comment behind the changes') if $file;
      $comment .= "$1 ";
    } elsif ($line =~ /^machine: (\S+)$/) {
      $fault->('the machine is named behind the changes') if $file;
      $mutation{machine} = $1;
    } elsif ($line =~ m{^file: ([a-z_]+/[a-z_]+\.[ch]pp)$}) {
      $file = $1;
    } elsif ($line eq '--- this') {
      $fault->('no file is named before it') if !$file;
      $part = 'this';
      %text = (this => [], becomes => []);
    } elsif ($line ne '') {
      $fault->("not understood: $line");
    }
  }
  die "a change without \"--- end\"\n" if $part;
  die "no change\n" if !@{$mutation{changes}};
  die "a comment has to say what is broken, and why that matters\n" if length($comment) < 60;
  return \%mutation;
}

sub content_of {
  my ($path) = @_;
  open(my $in, '<:raw', $path) or die "$path can't be read: $!\n";
  local $/ = undef;
  my $content = <$in>;
  close($in);
  return $content;
}

# The changed files, by name. Each text has to be in its file exactly once.
sub changed_files {
  my ($source, $mutation) = @_;
  my %content;
  for my $change (@{$mutation->{changes}}) {
    my $file = $change->{file};
    $content{$file} = content_of("$source/$file") if !exists $content{$file};
    my $at = index($content{$file}, $change->{old});
    die "this text is not in $file:\n$change->{old}\n" if $at < 0;
    die "this text is in $file more than once:\n$change->{old}\n" if index($content{$file}, $change->{old}, $at + 1) >= 0;
    substr($content{$file}, $at, length($change->{old})) = $change->{new};
  }
  return \%content;
}

sub check {
  my ($source, $path) = @_;
  my $mutation = read_mutation($path);
  changed_files($source, $mutation);
  my $machine = $mutation->{machine};
  return if $machine eq 'simulation';
  die "there is no test $machine\n"
    if $machine !~ m{^[a-z_]+/[a-z_]+_test$} || !(-f "$source/tests/$machine.cpp" || -f "$source/tests/$machine.sh");
}

my ($command, @arguments) = @ARGV;
die "mutation.pl check|machine|files|apply ...\n" if !$command || !@arguments;
if ($command eq 'check') {
  my ($source, @paths) = @arguments;
  my $faults = 0;
  for my $path (@paths) {
    next if eval { check($source, $path); 1 };
    print "$path: $@";
    ++$faults;
  }
  exit($faults ? 1 : 0);
} elsif ($command eq 'machine') {
  print read_mutation($arguments[0])->{machine}, "\n";
} elsif ($command eq 'files') {
  my %files = map { $_->{file} => 1 } @{read_mutation($arguments[0])->{changes}};
  print "$_\n" for sort keys %files;
} elsif ($command eq 'apply') {
  my ($source, $path) = @arguments;
  my $changed = changed_files($source, read_mutation($path));
  for my $file (keys %{$changed}) {
    open(my $out, '>:raw', "$source/$file") or die "$source/$file can't be written: $!\n";
    print $out $changed->{$file};
    close($out) or die "$source/$file can't be written: $!\n";
  }
} else {
  die "there is no command $command\n";
}
