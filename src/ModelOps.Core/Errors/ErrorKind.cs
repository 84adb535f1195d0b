namespace ModelOps;

/// <summary>
/// What went wrong. The name of a member is the stable error id that scripts match on (<see cref="ModelOpsException.ErrorId"/>);
/// <see cref="ErrorKindExtensions.ExitCode"/> maps it to the process exit code, in this one place.
/// </summary>
public enum ErrorKind
{
    /// <summary>A failure of no more specific kind.</summary>
    Failure,
    /// <summary>An argument or option that makes no sense.</summary>
    InvalidArgument,
    /// <summary>MODEL is neither a path, an installed model nor a repository.</summary>
    ModelNotFound,
    /// <summary>The hub has no such repository, or none that it would tell of.</summary>
    RepositoryNotFound,
    /// <summary>The repository is private, and there is no token or not the right one.</summary>
    PrivateRepository,
    /// <summary>The repository has no such branch, tag or commit.</summary>
    RevisionNotFound,
    /// <summary>The repository, or the disk, has no such file.</summary>
    FileNotFound,
    /// <summary>The repository has no such variant.</summary>
    VariantNotFound,
    /// <summary>Access must be requested on the repository's page first.</summary>
    GatedRepository,
    /// <summary>The token is missing, wrong or expired.</summary>
    Unauthorized,
    /// <summary>The hub has disabled the repository.</summary>
    RepositoryDisabled,
    /// <summary>The model does not fit this machine.</summary>
    DoesNotFit,
    /// <summary>The disk has too little room for what was asked.</summary>
    InsufficientDiskSpace,
    /// <summary>The store may not be changed: it is a shared one, or this user may not write there.</summary>
    StoreNotWritable,
    /// <summary>A running download holds what was to be changed.</summary>
    StoreInUse,
    /// <summary>Bytes do not have the digest that was promised.</summary>
    ChecksumMismatch,
    /// <summary>A file breaks the rules of its format.</summary>
    CorruptFile,
    /// <summary>A chat template that breaks the rules of its language, or asks for more than the sandbox gives.</summary>
    InvalidTemplate,
    /// <summary>A JSON schema that breaks the rules, or asks for what cannot be promised while text is generated.</summary>
    InvalidSchema,
    /// <summary>A grammar (GBNF) that breaks the rules of its language, or that the engine could not walk.</summary>
    InvalidGrammar,
    /// <summary>No converter or engine for this architecture.</summary>
    UnsupportedArchitecture,
    /// <summary>A tokenizer of a kind that cannot be converted.</summary>
    UnsupportedTokenizer,
    /// <summary>A data or quantization type that cannot be read or written.</summary>
    UnsupportedType,
    /// <summary>The network, a proxy or the server failed.</summary>
    NetworkFailure,
    /// <summary>The network is needed but offline mode is on.</summary>
    Offline,
    /// <summary>The hub asked to wait longer than is sensible.</summary>
    RateLimited,
    /// <summary>The llama.cpp libraries are not where they should be, or are of another version.</summary>
    EngineNotFound,
    /// <summary>llama.cpp refused the model or the request.</summary>
    EngineFailure,
    /// <summary>The worker process that holds the engine died.</summary>
    EngineCrashed,
    /// <summary>The prompt and answer do not fit the context.</summary>
    ContextFull,
    /// <summary>The answer ended at the token limit, before what it was to hold was whole.</summary>
    AnswerCutOff,
    /// <summary>The user stopped it.</summary>
    Interrupted,
}

/// <summary>Exit codes by kind of error.</summary>
public static class ErrorKindExtensions
{
    /// <summary>
    /// The process exit code of an error: 1 failure, 2 usage, 3 not found, 4 not authorised or gated, 5 does not fit (memory or disk),
    /// 6 checksum or corrupt file, 7 network, 130 interrupted.
    /// </summary>
    public static int ExitCode(this ErrorKind kind) => kind switch
    {
        ErrorKind.InvalidArgument or ErrorKind.InvalidSchema or ErrorKind.InvalidGrammar => 2,
        ErrorKind.ModelNotFound or ErrorKind.RepositoryNotFound or ErrorKind.RevisionNotFound or ErrorKind.FileNotFound or ErrorKind.VariantNotFound => 3,
        ErrorKind.PrivateRepository or ErrorKind.GatedRepository or ErrorKind.Unauthorized or ErrorKind.RepositoryDisabled => 4,
        ErrorKind.DoesNotFit or ErrorKind.InsufficientDiskSpace => 5,
        ErrorKind.ChecksumMismatch or ErrorKind.CorruptFile => 6,
        ErrorKind.NetworkFailure or ErrorKind.Offline or ErrorKind.RateLimited => 7,
        ErrorKind.Interrupted => 130,
        _ => 1,
    };
}
