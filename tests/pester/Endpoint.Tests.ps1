BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $work = New-TestFolder
    $env:MODELOPS_CLI = (Get-ChildItem (Join-Path $Root 'src/ModelOps.Cli/bin/*/net10.0/modelops.dll') | Sort-Object LastWriteTime | Select-Object -Last 1).FullName
    $golden = Join-Path $work 'golden.gguf'
    Copy-Item (Join-Path $Root 'tests/assets/golden/llama/official.f32.gguf') $golden
    $key = ConvertTo-SecureString 'key-of-the-tests' -AsPlainText -Force
    $server = Start-ModelServer $golden -Url http://127.0.0.1:0 -ApiKey $key -ContextLength 256 -PassThru
    $asked = @{ Endpoint = $server.Endpoint; ApiKey = $key; Raw = $true; Temperature = 0; MaxTokens = 8 }
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
        $wrong = $asked + @{}
        $wrong.ApiKey = ConvertTo-SecureString 'another-key' -AsPlainText -Force
        Invoke-Model 'hello' Auto @wrong -ErrorVariable failed -ErrorAction SilentlyContinue
        $failed[0].FullyQualifiedErrorId | Should -BeLike 'Unauthorized,*'
        "$($failed[0])" | Should -Not -Match 'another-key'
    }

    It 'refuses what only a model here can be told' {
        { Invoke-Model 'hello' Auto @asked -GpuLayers 1 } | Should -Throw -ErrorId 'InvalidArgument,*'
        { Invoke-Model 'hello' $golden -ApiKey $key } | Should -Throw -ErrorId 'InvalidArgument,*'
    }
}
