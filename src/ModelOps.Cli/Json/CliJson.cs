using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using ModelOps.Cli.Demo;

namespace ModelOps.Cli.Json;

/// <summary>The JSON of the command line: the core's records as they are, camelCase, enums as strings.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    PropertyNameCaseInsensitive = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    Converters =
    [
        typeof(CamelCaseEnumConverter<ModelKind>),
        typeof(CamelCaseEnumConverter<ArchitectureEvidence>),
        typeof(CamelCaseEnumConverter<ExportFormat>),
        typeof(CamelCaseEnumConverter<ExportTreatment>),
        typeof(CamelCaseEnumConverter<CompanionKind>),
        typeof(CamelCaseEnumConverter<ReferenceKind>),
        typeof(CamelCaseEnumConverter<RemovalKind>),
        typeof(CamelCaseEnumConverter<VerificationState>),
        typeof(CamelCaseEnumConverter<DeviceKind>),
        typeof(CamelCaseEnumConverter<DeviceFamily>),
        typeof(CamelCaseEnumConverter<FitPartKind>),
        typeof(CamelCaseEnumConverter<FitCertainty>),
        typeof(CamelCaseEnumConverter<FinishReason>),
        typeof(CamelCaseEnumConverter<RemedyKind>),
        typeof(CamelCaseEnumConverter<EnginePart>),
        typeof(CamelCaseEnumConverter<RuntimeBackend>),
        typeof(CamelCaseEnumConverter<RuntimeState>),
        typeof(ContextWishConverter),
        typeof(JsonStringEnumConverter<GgmlType>),
        typeof(MetadataConverter<GgufMetadata>),
        typeof(MetadataConverter<IReadOnlyDictionary<string, object>>),
    ])]
[JsonSerializable(typeof(SearchListing))]
[JsonSerializable(typeof(RepositoryListing))]
[JsonSerializable(typeof(RankingListing))]
[JsonSerializable(typeof(ReferenceListing))]
[JsonSerializable(typeof(StoreListing))]
[JsonSerializable(typeof(VerificationListing))]
[JsonSerializable(typeof(RemovalPlan))]
[JsonSerializable(typeof(RemovalResult))]
[JsonSerializable(typeof(ModelMirror))]
[JsonSerializable(typeof(ModelServer))]
[JsonSerializable(typeof(DownloadPlan))]
[JsonSerializable(typeof(InstalledModel))]
[JsonSerializable(typeof(InstalledListing))]
[JsonSerializable(typeof(ImportPlan))]
[JsonSerializable(typeof(BundlePlan))]
[JsonSerializable(typeof(BundleResult))]
[JsonSerializable(typeof(BundleInstallPlan))]
[JsonSerializable(typeof(SavePlan))]
[JsonSerializable(typeof(SavedModel))]
[JsonSerializable(typeof(ArchitectureListing))]
[JsonSerializable(typeof(ConversionPlan))]
[JsonSerializable(typeof(ConversionResult))]
[JsonSerializable(typeof(ExportPlan))]
[JsonSerializable(typeof(ExportResult))]
[JsonSerializable(typeof(ModelInfo))]
[JsonSerializable(typeof(FitResult))]
[JsonSerializable(typeof(GenerationResult))]
[JsonSerializable(typeof(QualityResult))]
[JsonSerializable(typeof(SensitivityTable))]
[JsonSerializable(typeof(SpeedResult))]
[JsonSerializable(typeof(SpeedCalibration))]
[JsonSerializable(typeof(Machine))]
[JsonSerializable(typeof(MachineListing))]
[JsonSerializable(typeof(FleetListing))]
[JsonSerializable(typeof(RuntimeListing))]
[JsonSerializable(typeof(ModelRuntime))]
[JsonSerializable(typeof(RuntimeChoice))]
[JsonSerializable(typeof(DemoResult))]
[JsonSerializable(typeof(EmbeddingListing))]
[JsonSerializable(typeof(RankingOfDocuments))]
[JsonSerializable(typeof(ErrorReport))]
internal sealed partial class CliJson : JsonSerializerContext
{
    /// <summary>Raised when a property changes its name or meaning; new properties do not count.</summary>
    public const int SchemaVersion = 1;

    // Readable as it stands: what is written goes to a terminal or a JSON reader, never into HTML.
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A record as JSON text, with <c>schemaVersion</c> first.</summary>
    public static string Write<T>(T value, JsonTypeInfo<T> type)
    {
        var node = JsonSerializer.SerializeToNode(value, type)!.AsObject();
        if (!node.ContainsKey("schemaVersion"))
        {
            // A machine brings its own, as it is a file that others read.
            node.Insert(0, "schemaVersion", SchemaVersion);
        }
        return node.ToJsonString(Readable);
    }
}
