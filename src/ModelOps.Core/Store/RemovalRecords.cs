using System.Globalization;

namespace ModelOps;

/// <summary>What an item of a removal is. They are removed in this order: whatever stops it, no name stands for something that is gone.</summary>
public enum RemovalKind
{
    /// <summary>A branch or tag.</summary>
    Reference,
    /// <summary>A name in a snapshot: a link, or the file itself where there are no links.</summary>
    SnapshotFile,
    /// <summary>A content that no snapshot refers to any more.</summary>
    Blob,
    /// <summary>What an unfinished download or copy left.</summary>
    Partial,
    /// <summary>What is kept about a content or a commit: listings, checksums, files known not to exist.</summary>
    Record,
    /// <summary>A lock of a blob that is gone.</summary>
    Lock,
    /// <summary>A folder that is empty by then.</summary>
    Folder,
}

/// <summary>A file or folder that a removal takes away.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Path">Where it is.</param>
/// <param name="Bytes">Bytes of the disk that are free afterwards; 0 for links and folders.</param>
/// <param name="Reason">Why it goes.</param>
public sealed record RemovalItem(string Repository, RemovalKind Kind, string Path, long Bytes, string Reason);

/// <summary>What will be removed from a store, before anything is.</summary>
/// <param name="Store">Folder of the store.</param>
/// <param name="Models">The models that will be gone.</param>
/// <param name="Items">Every file and folder that goes, in order.</param>
/// <param name="Bytes">Bytes that are free afterwards.</param>
/// <param name="Notes">What stays although it was looked at, and why.</param>
public sealed record RemovalPlan(string Store, IReadOnlyList<InstalledModel> Models, IReadOnlyList<RemovalItem> Items, long Bytes, IReadOnlyList<StoreNote> Notes);

/// <summary>What was removed.</summary>
/// <param name="Store">Folder of the store.</param>
/// <param name="Models">The models that are gone.</param>
/// <param name="Removed">Every file and folder that is gone.</param>
/// <param name="Bytes">Bytes that were freed.</param>
/// <param name="Notes">What stayed although it was planned or looked at, and why.</param>
public sealed record RemovalResult(string Store, IReadOnlyList<InstalledModel> Models, IReadOnlyList<RemovalItem> Removed, long Bytes, IReadOnlyList<StoreNote> Notes);

/// <summary>What a cleaning takes. As it comes, only what nobody can miss: contents that nothing refers to, and downloads that were given up.</summary>
public sealed record CleaningOptions
{
    /// <summary>
    /// Unfinished downloads, and whatever else may still belong to one, go when nothing was written to them for this long. Never those of a
    /// repository that is being downloaded right now.
    /// </summary>
    public TimeSpan PartialAge { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Commits that no branch or tag stands for any more go too, where the repository has another that one stands for.</summary>
    public bool OldRevisions { get; init; }

    /// <summary>Models that were not read for this long go too; null leaves them.</summary>
    public TimeSpan? UnusedFor { get; init; }

    /// <summary>The longest age that <see cref="ParseAge"/> takes, in days.</summary>
    public const int MostDays = 36500;

    /// <summary>An age as people write it: a number and <c>d</c>, <c>h</c>, <c>m</c> or <c>s</c>, such as <c>90d</c>.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static TimeSpan ParseAge(string text)
    {
        long unit = text.Length < 2 ? 0 : text[^1] switch
        {
            'd' or 'D' => TimeSpan.TicksPerDay,
            'h' or 'H' => TimeSpan.TicksPerHour,
            'm' or 'M' => TimeSpan.TicksPerMinute,
            's' or 'S' => TimeSpan.TicksPerSecond,
            _ => 0,
        };
        return unit > 0 && uint.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number <= MostDays * TimeSpan.TicksPerDay / unit
            ? new TimeSpan(number * unit)
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{text}' is not an age.", "Write a number of days, hours, minutes or seconds: 90d, 12h, 30m, 45s.");
    }
}
