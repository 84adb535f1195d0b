BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $work = New-TestFolder
    $env:MODELOPS_CLI = (Get-ChildItem (Join-Path $Root 'src/ModelOps.Cli/bin/*/net10.0/modelops.dll') | Sort-Object LastWriteTime | Select-Object -Last 1).FullName
    $golden = Join-Path $work 'golden.gguf'
    Copy-Item (Join-Path $Root 'tests/assets/golden/llama/official.f32.gguf') $golden
    $key = ConvertTo-SecureString 'key-of-the-tests' -AsPlainText -Force
    $server = Start-ModelServer $golden -Url http://127.0.0.1:0 -ApiKey $key -ContextLength 256 -PassThru
    $remote = @{ Endpoint = $server.Endpoint; ApiKey = $key }
    $asked = $remote + @{ Raw = $true; Temperature = 0; MaxTokens = 8 }
    $wrong = @{ Endpoint = $server.Endpoint; ApiKey = ConvertTo-SecureString 'another-key' -AsPlainText -Force }
}

AfterAll {
    Get-ModelServer | Stop-ModelServer
    Remove-Item Env:MODELOPS_CLI -ErrorAction Ignore
    Remove-Item -Recurse -Force $work
}

Describe 'Invoke-Model -Endpoint' {
    It 'answers as the model here does' {
        $expected = Invoke-Model 'hello' $golden -Raw -Temperature 0 -MaxTokens 8
        $answer = Invoke-Model 'hello' Auto @asked
        $answer | Should -BeOfType ModelOps.GenerationResult
        $answer.Text | Should -BeExactly $expected.Text
        $answer.PromptTokens | Should -Be $expected.PromptTokens
        $answer.Tokens.Count | Should -Be $expected.Tokens.Count
        (Invoke-Model 'hello' Auto @asked -Stream) -join '' | Should -BeExactly $expected.Text
    }

    It 'answers many at once in the order of the prompts' {
        $prompts = 'a', 'b', 'hello', 'c', 'd', 'e'
        $alone = $prompts | Invoke-Model -Model Auto @asked
        $together = $prompts | Invoke-Model -Model Auto @asked -Parallel 4
        $together.Prompt | Should -Be $prompts
        $together.Text | Should -Be $alone.Text
    }

    It 'says what the server refuses, without the key' {
        Invoke-Model 'hello' other @asked -ErrorVariable failed -ErrorAction SilentlyContinue
        $failed[0].FullyQualifiedErrorId | Should -BeLike 'ModelNotFound,*'
        Invoke-Model 'hello' Auto @wrong -ErrorVariable failed -ErrorAction SilentlyContinue
        $failed[0].FullyQualifiedErrorId | Should -BeLike 'Unauthorized,*'
        "$($failed[0])" | Should -Not -Match 'another-key'
    }

    It 'refuses what only a model here can be told' {
        { Invoke-Model 'hello' Auto @asked -GpuLayers 1 } | Should -Throw -ErrorId 'InvalidArgument,*'
        { Invoke-Model 'hello' Auto @asked -Adapter adapter.gguf } | Should -Throw '*-Adapter says how a model runs here*'
        { Invoke-Model 'hello' Auto @asked -Overflow Shift } | Should -Throw '*-Overflow says how a model runs here*'
        { Invoke-Model 'hello' $golden -ApiKey $key } | Should -Throw -ErrorId 'InvalidArgument,*'
    }
}

Describe 'Get-ModelEmbedding -Endpoint' {
    It 'gives the vectors of the model here, with the name of the server' {
        $rows = foreach ($number in 1..70) { [pscustomobject]@{ Id = "$number"; Text = "word $number" } }
        $expected = @($rows | Get-ModelEmbedding -Model $golden -SimilarTo 'word 7')
        $vectors = @($rows | Get-ModelEmbedding -Model Auto @remote -SimilarTo 'word 7')
        $vectors[0] | Should -BeOfType ModelOps.TextEmbedding
        $vectors.Text | Should -Be $rows.Text
        $vectors.Id | Should -Be $rows.Id
        $vectors.Model | Select-Object -Unique | Should -Be 'golden'
        foreach ($index in 0, 6, 63, 64, 69) {
            [math]::Abs($vectors[$index].Similarity - $expected[$index].Similarity) | Should -BeLessThan 1e-4
            [math]::Abs($vectors[$index].Embedding[3] - $expected[$index].Embedding[3]) | Should -BeLessThan 1e-4
        }
    }

    It 'lets a text that is too long fail alone' {
        $texts = 'hello', ('word ' * 5000), 'bye'
        $vectors = @($texts | Get-ModelEmbedding -Model Auto @remote -ErrorAction SilentlyContinue -ErrorVariable failed)
        $vectors.Text | Should -Be 'hello', 'bye'
        $failed[0].FullyQualifiedErrorId | Should -BeLike 'ContextFull,*'
        $failed[0].TargetObject | Should -Be $texts[1]
    }

    It 'ends before the first text at an address that is none' {
        { 'a', 'b' | Get-ModelEmbedding -Model m -Endpoint nowhere } | Should -Throw -ErrorId 'InvalidArgument,*'
        { 'a', 'b' | Invoke-Model -Model m -Endpoint http://user:secret@127.0.0.1 } | Should -Throw -ErrorId 'InvalidArgument,*'
        { Enter-ModelChat m -Endpoint ftp://127.0.0.1 } | Should -Throw -ErrorId 'InvalidArgument,*'
        { 'a' | Select-ModelDocument q m -Endpoint http://127.0.0.1 -ApiKey (ConvertTo-SecureString "two lines`n" -AsPlainText -Force) } | Should -Throw -ErrorId 'Unauthorized,*'
    }

    It 'ends where the server takes no orders, and refuses what only a model here can be told' {
        { 'a', 'b' | Get-ModelEmbedding -Model Auto @wrong } | Should -Throw -ErrorId 'Unauthorized,*'
        { 'a' | Get-ModelEmbedding -Model Auto @remote -Threads 1 } | Should -Throw '*-Threads says how a model runs here*'
        { 'a' | Get-ModelEmbedding -Model Auto @remote -KeepAlive 1h } | Should -Throw '*-KeepAlive says*'
        { 'a' | Get-ModelEmbedding -Model Auto @remote -Pooling Mean } | Should -Throw '*-Pooling says*'
        { 'a' | Get-ModelEmbedding -Model $golden -ApiKey $key } | Should -Throw '*-ApiKey goes with -Endpoint*'
    }
}

Describe 'Select-ModelDocument -Endpoint' {
    It 'gives the judgements of the model here' {
        $ranker = New-Reranker $work
        $documents = 'the cat sat on the mat', 'hello world', 'one two three', 'a'
        $expected = @($documents | Select-ModelDocument 'hello' -Model $ranker)
        $judge = Start-ModelServer $ranker -Url http://127.0.0.1:0 -PassThru
        $judged = @($documents | Select-ModelDocument 'hello' -Model Auto -Endpoint $judge.Endpoint)
        $judged[0] | Should -BeOfType ModelOps.RankedDocument
        $judged.Document | Should -Be $expected.Document
        $judged.Model | Select-Object -Unique | Should -Be 'ranker'
        foreach ($index in 0..3) { [math]::Abs($judged[$index].Score - $expected[$index].Score) | Should -BeLessThan 1e-4 }
        $expected[0].Score | Should -BeGreaterThan $expected[3].Score
        @($documents | Select-ModelDocument 'hello' -Model Auto -Endpoint $judge.Endpoint -First 1).Document | Should -Be $expected[0].Document
        { $documents | Select-ModelDocument 'hello' -Model Auto @remote } | Should -Throw -ErrorId 'InvalidArgument,*'
        $judge | Stop-ModelServer
    }
}

Describe 'Enter-ModelChat -Endpoint' {
    BeforeAll {
        # A shell of its own whose lines are piped in, with the key in the environment.
        function Invoke-Chat([string[]] $Lines, [string] $Arguments) {
            $script = Join-Path $work 'chat.ps1'
            Set-Content $script "Import-Module '$(Join-Path $Root 'ModelOps.psd1')'; Set-Location '$work'; Enter-ModelChat $Arguments -Temperature 0 -MaxTokens 8"
            $env:MODELOPS_API_KEY = 'key-of-the-tests'
            try { ($Lines -join "`n") | & (Get-Process -Id $PID).Path -NoProfile -File $script 2>&1 | Out-String }
            finally { Remove-Item Env:MODELOPS_API_KEY }
        }
    }

    It 'talks to the model of a server, and keeps it' {
        $shown = Invoke-Chat 'hello', '/model other', '/save kept.json', '/exit' "Auto -Endpoint $($server.Endpoint)"
        $shown | Should -Match 'keeps its model'
        $kept = Get-Content (Join-Path $work 'kept.json') -Raw | ConvertFrom-Json
        $kept.messages[1].content | Should -BeExactly (Invoke-Model 'hello' Auto @remote -Temperature 0 -MaxTokens 8).Text
        $shown | Should -Match 'Cut off after 8 tokens'
    }

    It 'says before the first question what is wrong' {
        { Enter-ModelChat Auto @wrong -ErrorAction Stop } | Should -Throw -ErrorId 'Unauthorized,*'
        { Enter-ModelChat Auto @remote -ContextLength 8 } | Should -Throw '*-ContextLength says*'
    }
}
