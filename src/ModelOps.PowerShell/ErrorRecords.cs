using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>The one place where an exception becomes an ErrorRecord.</summary>
internal static class ErrorRecords
{
    /// <summary>Whether the error is about the item in hand (the next may well succeed), and not a defect of ModelOps or the end of the pipeline.</summary>
    public static bool IsItemError(Exception error) => error is ModelOpsException or IOException or UnauthorizedAccessException;

    public static ErrorRecord From(Exception error, object? target)
    {
        var known = error as ModelOpsException;
        var record = new ErrorRecord(error, known?.ErrorId ?? nameof(ErrorKind.Failure), known is null ? CategoryOf(error) : CategoryOf(known.Kind), target);
        if (known?.Hint is { Length: > 0 } hint)
        {
            record.ErrorDetails = new ErrorDetails(error.Message) { RecommendedAction = Recommendation.InCmdlets(hint) };
        }
        return record;
    }

    private static ErrorCategory CategoryOf(Exception error) => error switch
    {
        UnauthorizedAccessException => ErrorCategory.PermissionDenied,
        FileNotFoundException or DirectoryNotFoundException => ErrorCategory.ObjectNotFound,
        _ => ErrorCategory.WriteError,
    };

    private static ErrorCategory CategoryOf(ErrorKind kind) => kind switch
    {
        ErrorKind.InvalidArgument or ErrorKind.InvalidSchema or ErrorKind.InvalidGrammar => ErrorCategory.InvalidArgument,
        ErrorKind.ModelNotFound or ErrorKind.RepositoryNotFound or ErrorKind.RevisionNotFound or ErrorKind.FileNotFound or ErrorKind.VariantNotFound => ErrorCategory.ObjectNotFound,
        ErrorKind.Unauthorized => ErrorCategory.AuthenticationError,
        ErrorKind.PrivateRepository or ErrorKind.GatedRepository or ErrorKind.RepositoryDisabled or ErrorKind.StoreNotWritable => ErrorCategory.PermissionDenied,
        ErrorKind.StoreInUse => ErrorCategory.ResourceBusy,
        ErrorKind.DoesNotFit or ErrorKind.ContextFull or ErrorKind.AnswerCutOff or ErrorKind.RateLimited => ErrorCategory.LimitsExceeded,
        ErrorKind.InsufficientDiskSpace => ErrorCategory.ResourceUnavailable,
        ErrorKind.ChecksumMismatch or ErrorKind.CorruptFile or ErrorKind.InvalidTemplate => ErrorCategory.InvalidData,
        ErrorKind.UnsupportedArchitecture or ErrorKind.UnsupportedTokenizer => ErrorCategory.NotImplemented,
        ErrorKind.UnsupportedType => ErrorCategory.InvalidType,
        ErrorKind.NetworkFailure or ErrorKind.Offline => ErrorCategory.ConnectionError,
        ErrorKind.EngineNotFound => ErrorCategory.NotInstalled,
        ErrorKind.EngineFailure or ErrorKind.EngineCrashed => ErrorCategory.InvalidResult,
        ErrorKind.Interrupted => ErrorCategory.OperationStopped,
        _ => ErrorCategory.NotSpecified,
    };
}
