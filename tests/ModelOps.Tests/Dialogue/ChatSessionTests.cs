using ModelOps.Tests.Cli;
using Xunit;

namespace ModelOps.Tests.Dialogue;

public sealed class ChatSessionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task QuestionsAreAnsweredWithAllThatWasSaid()
    {
        Script script = await RunAsync(["one", "two", "/history"], new Conversation { System = "Be brief." });

        Assert.Equal(["Be brief.", "one", "answer 1", "two"], script.Asked[1]);
        Assert.Equal("answer 1answer 2", script.Shown);
        Assert.Equal("system: Be brief.\nuser: one\nassistant: answer 1\nuser: two\nassistant: answer 2", script.Notes[^1]);
    }

    [Fact]
    public async Task CommandsDoWhatTheySay()
    {
        Script script = await RunAsync(
            ["one", "/retry", "/undo", "two", "/clear", "/system Speak up.", "three\\", "lines", "/set temperature 0.5", "/set seed 7", "/think off", "four", "/set temperature default", "/exit", "never"], new Conversation());

        Assert.Equal(["one"], script.Asked[1]);
        Assert.Equal(["two"], script.Asked[2]);
        Assert.Equal(["Speak up.", "three\nlines"], script.Asked[3]);
        Assert.Equal((0.5f, 7u, false), (script.Requests[4].Temperature!.Value, script.Requests[4].Seed!.Value, script.Requests[4].Thinking!.Value));
        Assert.Equal(5, script.Requests.Count);
        Assert.Null(script.Session!.Settings.Temperature);
    }

    [Fact]
    public async Task ConversationsAreSavedAndGoneOnWith()
    {
        await RunAsync(["one", "/save kept.json"], new Conversation());
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "question.txt"), "from a file", TestContext.Current.CancellationToken);
        Script script = await RunAsync(["other", "/load kept.json", "/read question.txt"], new Conversation());

        Assert.Equal(["one", "answer 1", "from a file"], script.Asked[^1]);
    }

    [Theory]
    [InlineData("/nonsense")]
    [InlineData("/set nonsense 1")]
    [InlineData("/set temperature hot")]
    [InlineData("/set top-p 2")]
    [InlineData("/think perhaps")]
    [InlineData("/load nowhere.json")]
    [InlineData("/read nowhere.txt")]
    [InlineData("/save")]
    [InlineData("/retry")]
    [InlineData("/save nowhere/at/all.json")]
    [InlineData("/save .")]
    [InlineData("/save a\0b")]
    [InlineData("/load .")]
    [InlineData("/set temperature NaN")]
    [InlineData("/set seed -1")]
    [InlineData("/set seed 4294967296")]
    [InlineData("/think")]
    public async Task AMistakeIsToldAndTheChatGoesOn(string line)
    {
        Script script = await RunAsync([line, "one"], new Conversation());

        Assert.StartsWith("error: ", script.Notes[0], StringComparison.Ordinal);
        Assert.Equal(["one"], Assert.Single(script.Asked));
    }

    [Fact]
    public async Task AFailedQuestionIsTakenBack()
    {
        Script script = new(["one", "two"]) { Fails = new ModelOpsException(ErrorKind.EngineCrashed, "gone") };
        await script.RunAsync(new Conversation(), _folder.Path);

        Assert.Equal("error: gone", script.Notes[0]);
        Assert.Equal(["two"], script.Asked[1]);
    }

    [Fact]
    public async Task AFailedRetryLeavesWhatWasSaid()
    {
        Script script = new(["one", "/retry", "/history", "/set seed 4294967295", "two"]) { Fails = new ModelOpsException(ErrorKind.EngineCrashed, "gone"), FailsAt = 2 };
        await script.RunAsync(new Conversation(), _folder.Path);

        Assert.Equal("error: gone", script.Notes[0]);
        Assert.Equal("user: one\nassistant: answer 1", script.Notes[1]);
        Assert.Equal(["one", "answer 1", "two"], script.Asked[^1]);
        Assert.Equal(uint.MaxValue, script.Requests[^1].Seed);
    }

    [Fact]
    public async Task AQuestionThatNeverFitsTakesNothingWithIt()
    {
        Script script = new(["one", "two", "/history"]) { MostMessages = 2, Fails = new ModelOpsException(ErrorKind.EngineCrashed, "gone"), FailsAt = 2 };
        await script.RunAsync(new Conversation(), _folder.Path);

        Assert.Equal("user: one\nassistant: answer 1", script.Notes[^1]);
    }

    [Fact]
    public async Task AStoppedAnswerStaysAsFarAsItCame()
    {
        Script script = new(["one", "two"]) { Fails = new OperationCanceledException() };
        await script.RunAsync(new Conversation(), _folder.Path);

        Assert.Equal("Stopped.", script.Notes[0]);
        Assert.Equal(["one", "half", "two"], script.Asked[1]);
    }

    [Fact]
    public async Task AFullContextLeavesOutTheOldest()
    {
        Script script = new(["one", "two"]) { MostMessages = 2 };
        await script.RunAsync(new Conversation { System = "s" }, _folder.Path);

        Assert.Equal(["s", "two"], script.Asked[^1]);
        Assert.Contains(script.Notes, note => note.Contains("left out", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AModelThatDoesNotLoadLeavesTheFormer()
    {
        Script script = new(["one", "/model missing", "two", "/model other", "/model missing", "three"]);
        await script.RunAsync(new Conversation { Model = "first" }, _folder.Path);

        Assert.Equal(["first answers: one", "first answers: two", "other answers: three"], script.Answered);
        Assert.Equal(["error: no such model", "first goes on answering.", "other answers from now on.", "error: no such model", "other goes on answering."], script.Notes);
        Assert.Equal("other", script.Session!.Conversation.Model);
    }

    public void Dispose() => _folder.Dispose();

    private async Task<Script> RunAsync(string[] lines, Conversation conversation)
    {
        Script script = new(lines);
        await script.RunAsync(conversation, _folder.Path);
        return script;
    }

    /// <summary>Lines that are typed, and a model that counts.</summary>
    private sealed class Script(string[] lines) : IChatHost
    {
        private readonly Queue<string> _lines = new(lines);
        private string _folder = "";
        private string? _loaded = "first";

        public ChatSession? Session { get; private set; }

        public List<GenerationRequest> Requests { get; } = [];

        public IReadOnlyList<string[]> Asked => [.. Requests.Select(request => request.Messages!.Select(message => message.Content).ToArray())];

        public List<string> Notes { get; } = [];

        /// <summary>Who answered what.</summary>
        public List<string> Answered { get; } = [];

        public string Shown { get; private set; } = "";

        /// <summary>What the first answer ends in.</summary>
        public Exception? Fails { get; set; }

        /// <summary>Which answer that is.</summary>
        public int FailsAt { get; init; } = 1;

        public int MostMessages { get; init; } = int.MaxValue;

        public Task RunAsync(Conversation conversation, string folder)
        {
            _folder = folder;
            Session = new ChatSession(this, conversation, new GenerationRequest());
            return Session.RunAsync(TestContext.Current.CancellationToken);
        }

        public Task<string?> ReadLineAsync(bool isContinued, CancellationToken cancellationToken) => Task.FromResult(_lines.TryDequeue(out string? line) ? line : null);

        public void Write(string text, bool isReasoning) => Shown += text;

        public void EndAnswer(GenerationResult? result)
        {
        }

        public void Note(string text) => Notes.Add(text);

        public string FullPath(string path) => Path.Combine(_folder, path);

        public Task LoadAsync(string model, CancellationToken cancellationToken)
        {
            // As a runner: first the room.
            _loaded = null;
            _loaded = model == "missing" ? throw new ModelOpsException(ErrorKind.ModelNotFound, "no such model") : model;
            return Task.CompletedTask;
        }

        public Task<GenerationResult> AnswerAsync(GenerationRequest request, IProgress<GeneratedToken> progress, CancellationToken cancellationToken)
        {
            if (request.Messages!.Count > MostMessages)
            {
                throw new ModelOpsException(ErrorKind.ContextFull, "full");
            }
            Requests.Add(request);
            Answered.Add($"{_loaded} answers: {request.Messages[^1].Content}");
            if (Fails is { } failure && Requests.Count == FailsAt)
            {
                Fails = null;
                if (failure is OperationCanceledException)
                {
                    progress.Report(new GeneratedToken(1, "half"));
                }
                throw failure;
            }
            string text = $"answer {Requests.Count}";
            progress.Report(new GeneratedToken(1, text));
            return Task.FromResult(new GenerationResult(text, [1], 1, 1, 1, FinishReason.Stop));
        }
    }
}
